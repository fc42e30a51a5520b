/// Trials that failed too often, as failed-*.jsonl beside the shards: a JSON
/// object a line that says which and why.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "grid/grid.h"

namespace cape {

struct FailedTrial {
  std::string trajectory;  ///< key
  std::vector<double> epsilons;
  std::string description;  ///< "mlp_2x256 on mnist, learning rate 0.001, ..."
  std::string error;        ///< of the last attempt
  std::int64_t attempts = 0;
};

class Quarantine {
 public:
  /// Appends to <directory>/failed-<part and run>.jsonl, made when needed.
  explicit Quarantine(std::filesystem::path file) : file_(std::move(file)) {}

  /// Durable when it returns. Throws StoppedError when it cannot be written.
  void add(const FailedTrial& trial) const;

 private:
  std::filesystem::path file_;
};

/// All trials of the failed-*.jsonl in `directory`; half-written lines are left
/// out.
std::vector<FailedTrial> read_quarantine(
    const std::filesystem::path& directory);

}  // namespace cape
