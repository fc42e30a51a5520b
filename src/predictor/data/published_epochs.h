/// The file of whole trainings that the authors of CAPE published: how many
/// epochs passed until early stopping ended each training.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace cape::predictor {

/// The columns that are numbers and known before the training, in the order of
/// PublishedTraining::numbers. Logarithms are to base 10.
inline constexpr std::array<const char*, 13> kEpochNumbers = {
    "dataset_size",       "learning_rate",       "batch_size",
    "param_count",        "param_count_log10",   "learning_rate_log10",
    "batch_size_log10",   "gradient_norm_log10", "ntk_trace_proxy_log10",
    "initial_loss_log10", "patience_P",          "min_delta",
    "max_epochs"};

/// The columns that are names, in the order of PublishedTraining::names.
inline constexpr std::array<const char*, 4> kEpochNames = {
    "dataset", "model", "architecture", "optimizer"};

/// One training of one network on a whole data set.
struct PublishedTraining {
  std::array<double, kEpochNumbers.size()> numbers{};
  std::array<std::string, kEpochNames.size()> names;
  int t_conv = 0;    ///< the epoch, from 1, after which early stopping ended it
  int patience = 0;  ///< epochs in a row without progress that end a training
  double min_delta = 0;  ///< a smaller fall of the validation loss is none
  int max_epochs = 0;
  /// Of validation, after the first epochs; NaN once the training diverged.
  std::vector<double> losses;

  const std::string& dataset() const { return names[0]; }
  const std::string& model() const { return names[1]; }
};

/// Whether a file is the one of whole trainings: a CSV file that has a column
/// T_conv or val_loss_prefix, which no other published file has.
bool has_published_epochs(const std::filesystem::path& path);

/// All rows of such a file. Throws UserError with file, line and column, and
/// for a file without rows.
std::vector<PublishedTraining> read_published_epochs(
    const std::filesystem::path& path);

}  // namespace cape::predictor
