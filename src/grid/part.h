/// A part of a grid, for runs that share it.
#pragma once

#include <cstdint>

namespace cape::grid {

/// One of `count` disjoint parts of a workload. The trajectories, in order of
/// cost, are dealt to the parts in turn, so a part depends only on the
/// workload.
struct Part {
  std::int64_t index = 0;
  std::int64_t count = 1;
};

/// The trajectories of `part` among the first `end` trajectories of a workload.
std::int64_t count_in_part(Part part, std::int64_t end);

}  // namespace cape::grid
