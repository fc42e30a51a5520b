/// Which samples of a data set are trained on, and which validate.
#pragma once

#include <cstdint>
#include <vector>

namespace cape::datasets {

struct Split {
  std::vector<std::int64_t> validation;
  std::vector<std::int64_t> training;  ///< none of them is for validation
};

/// The samples that a share of `samples` is: at least kFewestValidation and at
/// most kMostValidation, also where that is more than there are.
std::int64_t validation_size(double share, std::int64_t samples);

inline constexpr std::int64_t kFewestValidation = 100;
inline constexpr std::int64_t kMostValidation = 5000;

/// Draws `validation` of the samples 0, 1, ..., `samples` - 1, which depend on
/// `split_seed` alone, and `training` of the others, which depend on `seed`,
/// too. Both in random order. Throws Error where there are too few.
Split draw_split(std::int64_t samples, std::int64_t validation,
                 std::int64_t training, std::uint64_t split_seed,
                 std::uint64_t seed);

}  // namespace cape::datasets
