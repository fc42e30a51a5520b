/// Which trajectories are handed out next: dearest first, in chunks that
/// shrink toward the end. Knows nothing of ranks or time.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "coordinator/messages.h"
#include "grid/workload.h"

namespace cape {

/// One of `count` disjoint parts of a workload: a pure function of the
/// configuration, strided over the trajectories in order of cost.
struct Part {
  std::int64_t index = 0;
  std::int64_t count = 1;
};

/// Criteria that need no work, by trajectory: measured before or quarantined.
using DoneMap = std::unordered_map<std::int64_t, CriterionMask>;

class Scheduler {
 public:
  Scheduler(const Workload& workload, Part part, DoneMap done);

  /// True when a trajectory of this index can still be finished in time. Asked
  /// once a group: all of a group cost the same.
  using Fits = std::function<bool(std::int64_t index)>;

  /// The next trajectories for a rank of `slots` trainers out of `all_slots`:
  /// at least one a slot while there are any.
  std::vector<WorkItem> take(std::int64_t slots, std::int64_t all_slots,
                             const Fits& fits);

  /// Takes back what was handed out and not done; it is handed out first.
  void give_back(const WorkItem& item);

  /// True when nothing is left to hand out.
  bool exhausted() const {
    return returned_.empty() && next_ >= workload_.trajectories();
  }

  /// True when trajectories were passed over because they did not fit.
  bool passed_over() const { return passed_over_; }

  /// Trajectories and cells of this part, done or not.
  std::int64_t trajectories() const;
  std::int64_t cells() const;

  /// Expected cost of all that this part had to do at first, and of what has
  /// been neither handed out nor passed over.
  double total_flops() const { return total_flops_; }
  double remaining_flops() const { return remaining_flops_; }

 private:
  std::vector<WorkItem> take_returned(std::int64_t most, const Fits& fits);
  CriterionMask missing(std::int64_t index) const;
  std::int64_t& left_of(std::int64_t index);
  void skip_group();

  const Workload& workload_;
  Part part_;
  DoneMap done_;
  std::vector<std::int64_t> left_;  ///< trajectories to hand out, by group
  std::int64_t next_;
  std::vector<WorkItem> returned_;
  bool passed_over_ = false;
  double total_flops_ = 0;
  double remaining_flops_ = 0;
};

/// Trajectories of `part` among the first `end` of a workload.
std::int64_t count_in_part(Part part, std::int64_t end);

}  // namespace cape
