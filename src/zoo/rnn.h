#pragma once

#include <cstdint>

namespace cape::zoo {

/// A recurrent network that reads a sequence, or an image row by row (step t
/// sees row t of all channels). PyTorch's cells with both bias vectors and
/// default initialization. The linear head reads the output of the last step,
/// or of each step.
template <int Gates>
struct Recurrent {
  static constexpr int kGates = Gates;

  std::int64_t layers = 1;
  std::int64_t hidden = 128;
  bool bidirectional = false;

  bool operator==(const Recurrent&) const = default;
};

using Lstm = Recurrent<4>;
using Gru = Recurrent<3>;

}  // namespace cape::zoo
