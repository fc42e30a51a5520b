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

#include "shard/text.h"

namespace cape::shard {

/// Raised when columns are added. Every reader reads older shards, whose rows
/// take the defaults of Row for the columns that they lack, and newer ones,
/// whose further columns it skips.
inline constexpr int kSchemaVersion = 9;

/// Raised when what is already there changes its meaning. A reader refuses
/// files of a newer format. Shards without this attribute have format 1.
inline constexpr int kFormatVersion = 1;

/// A key: 32 hexadecimal digits.
struct Key {
  std::array<char, 32> digits{};

  Key() = default;
  /// Throws Error for a text of more than 32 bytes or one that is not UTF-8.
  template <std::convertible_to<std::string_view> T>
  Key(const T& text) {
    assign(text);
  }

  Key& assign(std::string_view text);
  std::string_view view() const;
  std::string str() const { return std::string(view()); }
  bool operator==(const Key&) const = default;
};

/// A row of /trials: one cell, measured. NaN is missing. The values here are
/// those of columns that a shard does not have.
struct Row {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  Key key;
  Key trajectory;
  Text family;
  Text architecture;
  Text architecture_json;
  Text dataset;
  Text variant;
  double label_noise = kMissing;
  std::int32_t lowres = 0;
  bool inverted = false;
  double input_scale = kMissing;
  double input_noise = kMissing;
  Text task;
  Text target;
  Text criterion = "epsilon";
  double learning_rate = kMissing;
  std::int32_t batch_size = 0;
  double epsilon = kMissing;
  std::int32_t patience = 0;
  double min_delta = kMissing;
  std::int64_t samples = 0;
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
  double train_loss_0 = kMissing;
  double train_mean_gradient2 = kMissing;
  double train_gradient_l1 = kMissing;
  double train_step_loss_1 = kMissing;
  double train_step_loss_2 = kMissing;
  double train_step_loss_4 = kMissing;
  double train_step_loss_8 = kMissing;
  double probe_dropout = kMissing;
  double input_rms = kMissing;
  double effective_rank = kMissing;
  double neighbour_agreement = kMissing;
  double constant_inputs = kMissing;
  double weight_layers = kMissing;
  double widest_layer = kMissing;
  double convolution_share = kMissing;
  double norm_parameters = kMissing;
  double recurrent_weights = kMissing;
  double dropout_rate = kMissing;
  double set_agreement_100 = kMissing;
  double set_agreement_400 = kMissing;
  double set_rank_400 = kMissing;
  double set_kernel_training_0 = kMissing;
  double set_kernel_training_2 = kMissing;
  double set_kernel_training_4 = kMissing;
  double set_kernel_training_6 = kMissing;
  double set_kernel_training_8 = kMissing;
  double set_kernel_held_out_0 = kMissing;
  double set_kernel_held_out_2 = kMissing;
  double set_kernel_held_out_4 = kMissing;
  double set_kernel_held_out_6 = kMissing;
  double set_kernel_held_out_8 = kMissing;
  double initial_loss = kMissing;
  double final_loss = kMissing;
  std::int32_t t_star = 0;
  bool converged = false;
  Text stop_reason;
  std::int32_t steps_run = 0;
  std::int32_t steps_per_epoch = 0;
  double epochs = kMissing;
  std::int32_t best_epoch = 0;
  double validation_loss = kMissing;
  double validation_accuracy = kMissing;
  std::int64_t samples_available = 0;
  std::uint64_t seed = 0;
  Text optimizer = "adamw";
  Text optimizer_json = R"({"kind":"adamw"})";
  double weight_decay = 1e-4;
  std::int32_t max_steps = 5000;
  std::int32_t plateau_window = 200;
  double plateau_tolerance = 1e-4;
  std::int32_t max_epochs = 0;
  std::int64_t validation_samples = 0;
  std::int32_t revision = 0;
  std::int32_t probe_version = 1;
  // Volatile: differ between two runs of the same cell.
  double probe_seconds = kMissing;
  double step_seconds = kMissing;
  double evaluation_seconds = kMissing;
  Text device;
  std::int32_t threads = 0;
  std::int64_t curve_offset = 0;
  std::int64_t curve_length = 0;
  std::int64_t validation_offset = 0;
  std::int64_t validation_length = 0;
};

enum class ColumnType { key, text, float64, int32, int64, uint64, boolean };

/// What may make a column of the same cell differ.
enum class Stability {
  content,  ///< nothing: the same cell gives the same value
  probe,    ///< a newer version of the probe
  timing,   ///< every measurement: time, machine, place in a file
  retired   ///< the program: only older ones measured it
};

struct Column {
  std::string_view name;
  ColumnType type;
  std::size_t offset;  ///< in Row
  std::size_t size;    ///< bytes in Row
  std::string_view unit;
  std::string_view description;
  Stability stability;
  int since;  ///< the schema version that it came with

  bool is_volatile() const {
    return stability == Stability::timing || stability == Stability::retired;
  }
};

/// All columns, in the order of Row.
std::span<const Column> columns();

/// The bytes of a column in a row.
std::span<const char> bytes_at(const Row& row, const Column& column);

/// The text of a column of type key or text.
std::string_view text_at(const Row& row, const Column& column);

/// Orders two rows of one cell by their columns that are not volatile, without
/// those of the probe where that had different versions: less than, equal to or
/// greater than 0. The order itself has no meaning, but is fixed.
int compare_content(const Row& a, const Row& b);

}  // namespace cape::shard
