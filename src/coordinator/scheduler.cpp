#include "coordinator/scheduler.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace cape::coordinator {
namespace {

// A chunk is this fraction of the rank's share of what remains. So the last
// chunks are single trajectories, and no rank waits long for another.
constexpr double kShareOfRemaining = 0.1;
constexpr std::size_t kLongestLease = 1000;

}  // namespace

Scheduler::Scheduler(const grid::Workload& workload, grid::Part part,
                     DoneMap done)
    : workload_(workload),
      part_(part),
      done_(std::move(done)),
      next_(part.index) {
  const std::int64_t trials = workload_.group_size();
  for (std::int64_t g = 0;
       g < workload_.trajectories() / workload_.group_size(); ++g) {
    left_.push_back(grid::count_in_part(part_, (g + 1) * trials) -
                    grid::count_in_part(part_, g * trials));
  }
  for (const auto& [index, mask] : done_) {
    const bool ours = index % part_.count == part_.index;
    if (ours && missing(index) == 0) --left_of(index);
  }
  for (std::int64_t g = 0;
       g < workload_.trajectories() / workload_.group_size(); ++g) {
    total_flops_ += workload_.expected_flops(g * trials) *
                    static_cast<double>(left_of(g * trials));
  }
  remaining_flops_ = total_flops_;
}

std::vector<messaging::WorkItem> Scheduler::take(std::int64_t slots,
                                                 std::int64_t all_slots,
                                                 const Fits& fits) {
  const double budget =
      remaining_flops_ * kShareOfRemaining * static_cast<double>(slots) /
      static_cast<double>(std::max<std::int64_t>(all_slots, 1));
  std::vector<messaging::WorkItem> items = take_returned(slots, fits);
  double flops = 0;
  std::int64_t asked_group = -1;
  while (next_ < workload_.trajectories()) {
    const auto taken = static_cast<std::int64_t>(items.size());
    const double cost = workload_.expected_flops(next_);
    if (taken >= slots &&
        (flops + cost > budget || items.size() >= kLongestLease)) {
      break;
    }
    const std::int64_t group = next_ / workload_.group_size();
    if (left_of(next_) == 0 || (group != asked_group && !fits(next_))) {
      skip_group();
      continue;
    }
    asked_group = group;
    if (const trial::CriterionMask wanted = missing(next_); wanted != 0) {
      items.push_back({next_, wanted});
      flops += cost;
      remaining_flops_ -= cost;
      --left_of(next_);
    }
    next_ += part_.count;
  }
  return items;
}

void Scheduler::give_back(const messaging::WorkItem& item) {
  returned_.push_back(item);
  remaining_flops_ += workload_.expected_flops(item.index);
}

std::vector<messaging::WorkItem> Scheduler::take_returned(std::int64_t most,
                                                          const Fits& fits) {
  std::vector<messaging::WorkItem> items;
  while (!returned_.empty() && std::ssize(items) < most) {
    const messaging::WorkItem item = returned_.back();
    returned_.pop_back();
    remaining_flops_ -= workload_.expected_flops(item.index);
    if (fits(item.index)) {
      items.push_back(item);
    } else {
      passed_over_ = true;
    }
  }
  return items;
}

trial::CriterionMask Scheduler::missing(std::int64_t index) const {
  const auto done = done_.find(index);
  return workload_.all_criteria() & ~(done == done_.end() ? 0 : done->second);
}

std::int64_t& Scheduler::left_of(std::int64_t index) {
  return left_.at(static_cast<std::size_t>(index / workload_.group_size()));
}

void Scheduler::skip_group() {
  const std::int64_t left = std::exchange(left_of(next_), 0);
  passed_over_ = passed_over_ || left > 0;
  remaining_flops_ -=
      workload_.expected_flops(next_) * static_cast<double>(left);
  const std::int64_t trials = workload_.group_size();
  const std::int64_t end = (next_ / trials + 1) * trials;
  next_ = part_.index + grid::count_in_part(part_, end) * part_.count;
}

std::int64_t Scheduler::trajectories() const {
  return grid::count_in_part(part_, workload_.trajectories());
}

std::int64_t Scheduler::cells() const {
  return trajectories() * std::popcount(workload_.all_criteria());
}

}  // namespace cape::coordinator
