/// Data sets as the bytes of their official files, and the search for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "datasets/array.h"
#include "datasets/samples.h"
#include "datasets/task.h"

namespace cape::datasets {

/// The class of a data set that has the fewest samples.
struct RarestClass {
  std::int64_t label = 0;
  std::int64_t samples = 0;

  bool operator==(const RarestClass&) const = default;
};

struct DatasetInfo {
  std::string name;
  Task task = Task::classification;
  /// Of a sample: C x H x W, T x D or D; of tokens T.
  std::vector<std::int64_t> shape;
  std::int64_t vocabulary = 0;  ///< tokens are less than this; 0: none
  bool images = true;           ///< of 8 bits; else texts or numbers
  std::int64_t classes = 0;     ///< multilabel: labels; regression: 0
  std::int64_t samples = 0;     ///< at hand
  std::int64_t train_size = 0;  ///< N: the official training split
  std::string fingerprint;      ///< hash of shape, samples and labels
  std::string directory;        ///< where the files are: folder or archive
  std::string note = {};        ///< what the user should know of the samples
  std::optional<RarestClass> rarest_class = {};  ///< of a classification
};

/// Adds to what the user should know of the samples; nothing if it is empty.
void add_note(DatasetInfo& info, const std::string& note);

/// The numbers in one sample.
std::int64_t sample_size(const DatasetInfo& dataset);

struct Dataset {
  DatasetInfo info;
  Inputs inputs;  ///< as the files have them
  /// classification: samples; sequence: samples x T; multilabel: samples x
  /// labels, 1 where a sample has it; regression: samples.
  Array labels;
  /// One mean for each channel of images and of C x H x W numbers (of pixels /
  /// 255 where these are bytes), otherwise one for each feature of the last
  /// dimension. None for texts.
  std::vector<double> mean;
  std::vector<double> deviation;
  double target_mean = 0;  ///< regression: mean of the labels
  double target_deviation = 1;
};

/// Nothing unless the task is a classification.
std::optional<RarestClass> find_rarest_class(const Dataset& dataset);

/// The names that a configuration may use, sorted.
const std::vector<std::string>& known_datasets();

/// The folders in which data sets are looked for: `data_dir`, or $CAPE_DATA if
/// that is empty, expanded (core/environment.h), then Debian's folder. Throws
/// UserError where a variable of the path is not set, and where there is no
/// folder `data_dir`.
std::vector<std::filesystem::path> search_roots(const std::string& data_dir);

/// Reads the training split of a known data set. Throws UserError when it is
/// not found (with every path that was tried), truncated or not in its format.
Dataset load(const std::string& name,
             const std::vector<std::filesystem::path>& roots);

/// The same, from the place in DatasetInfo::directory.
Dataset load_from(const std::string& name,
                  const std::filesystem::path& directory);

/// The state of a known data set on this machine.
struct Found {
  std::string name;
  std::string directory;  ///< empty when it was not found
  std::string problem;    ///< why it cannot be used; empty when it can
  std::string note;       ///< DatasetInfo::note
  std::int64_t samples = 0;
  std::int64_t classes = 0;
  std::int64_t vocabulary = 0;    ///< of tokens; 0: numbers
  std::optional<Task> task = {};  ///< of the user's own data
};

/// All known data sets, in the order of known_datasets(). Each one that is
/// found is read completely, so what is listed as usable is usable.
std::vector<Found> list_datasets(
    const std::vector<std::filesystem::path>& roots);

}  // namespace cape::datasets
