/// The data sets that a trainer has opened.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "core/error.h"
#include "datasets/dataset.h"
#include "trial/task.h"

namespace cape::trainer {

/// A data set cannot be read, or is not the one that the run began with.
class DatasetError : public Error {
 public:
  using Error::Error;
};

class DatasetCache {
 public:
  /// Reads the data set at the first call; it stays in memory.
  /// Throws DatasetError.
  const datasets::Dataset& open(const trial::DatasetRef& ref);

 private:
  /// By name, directory and fingerprint.
  std::map<std::tuple<std::string, std::string, std::string>, datasets::Dataset>
      opened_;
};

}  // namespace cape::trainer
