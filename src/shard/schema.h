/// The columns of /trials, in the one place that the writer, the reader, the
/// CSV export and docs/shard_format.md follow.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace cape::shard {

/// Raised with every change of the columns. A reader refuses newer files.
inline constexpr int kSchemaVersion = 4;

/// Copies a text into `bytes` and pads with NUL. Throws Error when it is
/// longer than that, holds a NUL or is not UTF-8: nothing is ever cut.
void store_padded(std::string_view text, std::span<char> bytes);

/// What store_padded stored.
std::string_view padded_view(std::span<const char> bytes);

/// A UTF-8 string in N bytes, padded with NUL: how HDF5 stores it in a row.
template <std::size_t N>
struct FixedString {
  std::array<char, N> bytes{};

  FixedString() = default;
  /// Throws Error when the text does not fit; see store_padded.
  template <std::convertible_to<std::string_view> Text>
  FixedString(const Text& text) {
    assign(text);
  }

  FixedString& assign(std::string_view text) {
    store_padded(text, bytes);
    return *this;
  }
  std::string_view view() const { return padded_view(bytes); }
  std::string str() const { return std::string(view()); }
  bool operator==(const FixedString&) const = default;
};

/// A row of /trials: one cell, measured. NaN is missing.
struct Row {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  FixedString<32> key;
  FixedString<32> trajectory;
  FixedString<16> family;
  FixedString<48> architecture;
  FixedString<512> architecture_json;
  FixedString<32> dataset;
  FixedString<128> variant;
  double label_noise = kMissing;
  std::int32_t lowres = 0;
  bool inverted = false;
  double input_scale = kMissing;
  double input_noise = kMissing;
  FixedString<24> task;
  FixedString<24> target;
  double learning_rate = kMissing;
  std::int32_t batch_size = 0;
  double epsilon = kMissing;
  std::int64_t trial = 0;
  double log_p = kMissing;
  double log_g2 = kMissing;
  double log_tau = kMissing;
  double log_n = kMissing;
  double log_lr = kMissing;
  double log_b = kMissing;
  std::int32_t classes = 0;
  std::int64_t input_size = 0;
  double probe_loss = kMissing;
  double log_mean_g2 = kMissing;
  double label_entropy = kMissing;
  double logit_spread = kMissing;
  double log_line_1 = kMissing;
  double log_line_2 = kMissing;
  double log_line_4 = kMissing;
  double initial_loss = kMissing;
  double final_loss = kMissing;
  std::int32_t t_star = 0;
  bool converged = false;
  FixedString<16> stop_reason;
  std::int32_t steps_run = 0;
  std::int64_t samples_available = 0;
  std::uint64_t seed = 0;
  // Volatile: differ between two runs of the same cell.
  double probe_seconds = kMissing;
  double step_seconds = kMissing;
  FixedString<32> device;
  std::int32_t threads = 0;
  std::int64_t curve_offset = 0;
  std::int64_t curve_length = 0;
};

enum class ColumnType { string, float64, int32, int64, uint64, boolean };

struct Column {
  std::string_view name;
  ColumnType type;
  std::size_t offset;  ///< in Row
  std::size_t size;    ///< bytes in Row
  std::string_view unit;
  std::string_view description;
  bool is_volatile;
};

/// All columns, in the order of Row.
std::span<const Column> columns();

/// The bytes of a column in a row.
std::span<const char> bytes_at(const Row& row, const Column& column);

/// Orders two rows by their non-volatile columns: less than, equal to or
/// greater than 0. The order itself has no meaning, but is total and fixed.
int compare_content(const Row& a, const Row& b);

}  // namespace cape::shard
