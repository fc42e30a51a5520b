/// Trials that failed too often, as failed-*.jsonl beside the shards: a JSON
/// object a line that says which and why.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "trial/criterion.h"

namespace cape::worker {

struct FailedTrial {
  std::string trajectory;  ///< key
  std::vector<trial::Criterion> criteria;
  std::string description;  ///< "mlp_2x256 on mnist, learning rate 0.001, ..."
  std::string error;        ///< of the last attempt
  std::int64_t attempts = 0;
};

/// The failed trials of one rank in one run.
class Quarantine {
 public:
  /// To be <directory>/failed-<part and run>.jsonl, made when needed.
  explicit Quarantine(std::filesystem::path file) : file_(std::move(file)) {}

  void add(const FailedTrial& trial);

  /// Publishes what has been added. Throws StoppedError and keeps it when that
  /// fails, so that it can be tried again.
  void flush();

  bool flushed() const { return lines_.size() == flushed_; }

 private:
  std::filesystem::path file_;
  std::string lines_;  ///< all of the file
  std::size_t flushed_ = 0;
};

/// All trials of the failed-*.jsonl in `directory`; half-written lines are left
/// out.
std::vector<FailedTrial> read_quarantine(
    const std::filesystem::path& directory);

}  // namespace cape::worker
