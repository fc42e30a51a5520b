/// Data sets of the user: arrays in files, which the configuration names.
/// docs/datasets.md says what they may be.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "datasets/dataset.h"
#include "datasets/task.h"

namespace cape::datasets {

/// What the samples are.
enum class InputKind : std::uint8_t {
  numbers,
  tokens  ///< whole numbers that stand for words, characters, ...
};

constexpr auto enum_names(InputKind) {
  return EnumNames{"kind of inputs", std::to_array<EnumName<InputKind>>(
                                         {{InputKind::numbers, "numbers"},
                                          {InputKind::tokens, "tokens"}})};
}

/// The largest number of different tokens: a float32 holds each.
inline constexpr std::int64_t kMostTokens = std::int64_t{1} << 24;

struct UserDataset {
  std::string format = {};  ///< one of user_dataset_formats(); empty: as found
  std::string x;            ///< of the samples: FILE or FILE:ARRAY
  std::string y = {};       ///< of the labels; empty: x holds them (cifar-bin)
  /// What the axes of x are, one of user_layouts(): n samples, t steps, d
  /// features, c channels, h rows, w columns. Empty: nd, ntd or nchw; unsigned
  /// bytes of three axes in an IDX file are nhw.
  std::string layout = {};
  InputKind input = InputKind::numbers;
  /// Of tokens, which are less than this; 0: as many as the samples show.
  std::int64_t vocabulary = 0;
  Task task = Task::classification;
  std::int64_t classes = 0;  ///< 0: as many as the labels show
  /// One for each channel or feature, or one for all; empty: computed from the
  /// data.
  std::vector<double> mean = {};
  std::vector<double> deviation = {};
  std::int64_t train_size = 0;  ///< N; 0: the samples at hand

  bool operator==(const UserDataset&) const = default;
};

constexpr const char* kCifarFormat = "cifar-bin";

/// array_formats() and cifar-bin, which a file's content does not tell.
const std::vector<std::string>& user_dataset_formats();

/// The orders of axes that a user may give.
const std::vector<std::string>& user_layouts();

void to_json(nlohmann::json& json, const UserDataset& user);
void from_json(const nlohmann::json& json, UserDataset& user);

/// Reads and checks the arrays. Throws UserError with the file, what was
/// expected, what was found and what to do.
Dataset open_user_dataset(const std::string& name, const UserDataset& user);

/// What open_user_dataset says about it, for a list.
Found find_user_dataset(const std::string& name, const UserDataset& user);

}  // namespace cape::datasets
