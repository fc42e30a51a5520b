/// What a farm hands out: trajectories, each known by a number. A grid is one
/// kind of workload; repeating the probes of rows that are there is another.
#pragma once

#include <cstdint>
#include <string>

#include "datasets/dataset.h"
#include "grid/config.h"
#include "trial/task.h"

namespace cape::grid {

/// One training run and what is still wanted of it.
struct Trajectory {
  std::int64_t index = 0;  ///< in the order of its workload
  std::int64_t trial = 0;
  datasets::DatasetInfo dataset;  ///< of the task's variant
  trial::TrialTask task;
};

class Workload {
 public:
  Workload() = default;
  virtual ~Workload() = default;
  Workload(const Workload&) = default;
  Workload& operator=(const Workload&) = default;
  Workload(Workload&&) = default;
  Workload& operator=(Workload&&) = default;

  virtual const Config& config() const = 0;

  virtual std::int64_t trajectories() const = 0;

  /// Trajectory t belongs to group t / group_size(); all of a group are
  /// expected to cost the same. The last group is whole, too.
  virtual std::int64_t group_size() const = 0;

  /// What is wanted of every trajectory: a bit a row, or a bit for the whole.
  virtual trial::CriterionMask all_criteria() const = 0;

  /// Pure: the same on every rank, whatever ran before. Its task asks for the
  /// criteria of `mask`.
  virtual Trajectory trajectory(std::int64_t index,
                                trial::CriterionMask mask) const = 0;

  /// Floating-point operations that trajectory `index` should take. Constant
  /// within a group.
  virtual double expected_flops(std::int64_t index) const = 0;

  /// What trajectory `index` costs is learnt apart for each of these.
  virtual const std::string& family(std::int64_t index) const = 0;
};

/// "mlp_2x64 on mnist, learning rate 0.001, batch size 32, trial 0", and the
/// optimizer where it is not AdamW.
std::string describe(const Trajectory& trajectory);

}  // namespace cape::grid
