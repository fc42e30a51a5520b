/// The shapes of samples that the tests of zoo use.
#pragma once

#include <cstdint>
#include <vector>

namespace cape::zoo {

using Shape = std::vector<std::int64_t>;

inline const Shape kGrey = {1, 28, 28};
inline const Shape kColour = {3, 32, 32};

}  // namespace cape::zoo
