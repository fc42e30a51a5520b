/// Draws architectures in the way of the published scripts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "zoo/architecture.h"

namespace cape::zoo {

/// The families that have a published sampler.
const std::vector<std::string>& sampled_families();

/// One architecture of each kind that the sampler of `family` draws.
std::vector<Architecture> published_kinds(const std::string& family);

/// An architecture of `family` as published, for a data set whose samples have
/// this shape (the published choices differ between grey and coloured images)
/// and with this head (a CNN that is too large is drawn again).
Architecture sample_published(const std::string& family,
                              const std::vector<std::int64_t>& sample,
                              const Head& head, Random& random);

}  // namespace cape::zoo
