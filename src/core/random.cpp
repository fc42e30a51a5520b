#include "core/random.h"

#include <unordered_map>
#include <utility>

#include "core/error.h"

namespace cape {

std::int64_t Random::below(std::int64_t bound) {
  const auto range = static_cast<std::uint64_t>(bound);
  // Draws past the last whole multiple of the range would favour small values.
  const std::uint64_t limit = UINT64_MAX - UINT64_MAX % range;
  std::uint64_t draw;
  do {
    draw = engine_();
  } while (draw >= limit);
  return static_cast<std::int64_t>(draw % range);
}

double Random::uniform() {
  return static_cast<double>(engine_() >> 11) * 0x1.0p-53;
}

std::vector<std::int64_t> Random::sample(std::int64_t bound,
                                         std::int64_t count) {
  if (count > bound) fail("cannot draw {} of {}", count, bound);
  // The first `count` steps of a Fisher-Yates shuffle, of which only the
  // displaced positions are stored.
  std::unordered_map<std::int64_t, std::int64_t> displaced;
  const auto at = [&](std::int64_t i) {
    const auto found = displaced.find(i);
    return found == displaced.end() ? i : found->second;
  };
  std::vector<std::int64_t> drawn;
  drawn.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = i + below(bound - i);
    drawn.push_back(at(j));
    displaced[j] = at(i);
  }
  return drawn;
}

}  // namespace cape
