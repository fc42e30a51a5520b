/// Decides which trajectories are handed out next: the most expensive first, in
/// chunks that become smaller toward the end. Knows nothing about ranks or
/// time.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "grid/part.h"
#include "grid/workload.h"
#include "messaging/messages.h"

namespace cape::coordinator {

/// Criteria that need no work, by trajectory: they were measured before or are
/// quarantined.
using DoneMap = std::unordered_map<std::int64_t, trial::CriterionMask>;

class Scheduler {
 public:
  Scheduler(const grid::Workload& workload, grid::Part part, DoneMap done);

  /// True when a trajectory with this index can still be finished in time. It
  /// is asked once for each group, since all trajectories of a group cost the
  /// same.
  using Fits = std::function<bool(std::int64_t index)>;

  /// The next trajectories for a rank that has `slots` of all `all_slots`
  /// trainers: at least one for each slot, as long as there are enough.
  std::vector<messaging::WorkItem> take(std::int64_t slots,
                                        std::int64_t all_slots,
                                        const Fits& fits);

  /// Takes back trajectories that were handed out and not measured. They are
  /// handed out first.
  void give_back(const messaging::WorkItem& item);

  /// True when nothing is left to hand out.
  bool exhausted() const {
    return returned_.empty() && next_ >= workload_.trajectories();
  }

  /// True when trajectories were skipped because they did not fit the time.
  bool passed_over() const { return passed_over_; }

  /// Trajectories and cells of this part, both done and not done.
  std::int64_t trajectories() const;
  std::int64_t cells() const;

  /// Expected cost of all that this part had to do at first, and of all that
  /// has been neither handed out nor skipped.
  double total_flops() const { return total_flops_; }
  double remaining_flops() const { return remaining_flops_; }

 private:
  std::vector<messaging::WorkItem> take_returned(std::int64_t most,
                                                 const Fits& fits);
  trial::CriterionMask missing(std::int64_t index) const;
  std::int64_t& left_of(std::int64_t index);
  void skip_group();

  const grid::Workload& workload_;
  grid::Part part_;
  DoneMap done_;
  std::vector<std::int64_t> left_;  ///< trajectories to hand out, by group
  std::int64_t next_;
  std::vector<messaging::WorkItem> returned_;
  bool passed_over_ = false;
  double total_flops_ = 0;
  double remaining_flops_ = 0;
};

}  // namespace cape::coordinator
