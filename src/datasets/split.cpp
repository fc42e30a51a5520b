#include "datasets/split.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/hash.h"
#include "core/random.h"

namespace cape::datasets {

std::int64_t validation_size(double share, std::int64_t samples) {
  const auto wanted = std::llround(share * static_cast<double>(samples));
  return std::clamp<std::int64_t>(wanted, kFewestValidation, kMostValidation);
}

Split draw_split(std::int64_t samples, std::int64_t validation,
                 std::int64_t training, std::uint64_t split_seed,
                 std::uint64_t seed) {
  if (validation > samples || training > samples - validation) {
    fail("{} samples to train on and {} to validate with, of {}", training,
         validation, samples);
  }
  Split split;
  split.validation = Random(split_seed).sample(samples, validation);
  std::vector<bool> validates(static_cast<std::size_t>(samples));
  for (const std::int64_t i : split.validation) validates[i] = true;
  std::vector<std::int64_t> others;
  for (std::int64_t i = 0; i < samples; ++i) {
    if (!validates[static_cast<std::size_t>(i)]) others.push_back(i);
  }
  split.training = Random(seed_of(fmt::format("{}/samples", seed)))
                       .sample(std::ssize(others), training);
  for (std::int64_t& i : split.training) i = others[i];
  return split;
}

}  // namespace cape::datasets
