#include "zoo/rnn.h"

#include <fmt/format.h>

#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

/// The rows of an image become steps.
struct Sequence {
  std::int64_t steps, features;

  explicit Sequence(const Shape& input)
      : steps(input.at(input.size() - 2)),
        features(input.back() * (input.size() == 3 ? input.front() : 1)) {}
};

template <int Gates>
constexpr const char* kCell = Gates == 4 ? "lstm" : "gru";

}  // namespace

template <int Gates>
Kind kind_of(const Recurrent<Gates>& rnn) {
  return {"rnn",
          kCell<Gates>,
          {},
          {.sequences = true, .steps = true, .embedding = rnn.hidden}};
}

template <int Gates>
std::string name_of(const Recurrent<Gates>& rnn) {
  return fmt::format("{}_{}x{}{}", kCell<Gates>, rnn.layers, rnn.hidden,
                     rnn.bidirectional ? "_bi" : "");
}

template <int Gates>
Size size_of(const Recurrent<Gates>& rnn, const Shape& input,
             const Head& head) {
  const Sequence sequence(input);
  const std::int64_t directions = rnn.bidirectional ? 2 : 1;
  const std::int64_t output = rnn.hidden * directions;
  Size size;
  for (std::int64_t layer = 0; layer < rnn.layers; ++layer) {
    const std::int64_t inputs = layer == 0 ? sequence.features : output;
    const std::int64_t weights = Gates * rnn.hidden * (inputs + rnn.hidden);
    size.parameters += directions * (weights + 2 * Gates * rnn.hidden);
    // A head for whole samples reads the output at the last step, which is the
    // first step that the backward direction takes.
    const bool one_step = layer + 1 == rnn.layers && !head.per_step;
    const std::int64_t backward = one_step ? 1 : sequence.steps;
    const std::int64_t steps =
        sequence.steps + (rnn.bidirectional ? backward : 0);
    size.flops += 2.0 * static_cast<double>(steps * weights);
  }
  size.parameters += (output + 1) * head.outputs;
  size.flops += 2.0 * static_cast<double>((head.per_step ? sequence.steps : 1) *
                                          output * head.outputs);
  return size;
}

template <int Gates>
OwnFacts facts_of(const Recurrent<Gates>& rnn) {
  return {.published = "",
          .depth = {"layers", rnn.layers},
          .width = {"hidden", rnn.hidden},
          .bidirectional = rnn.bidirectional};
}

template <int Gates>
void check(const Recurrent<Gates>& rnn) {
  const char* kind = kCell<Gates>;
  check_range(kind, "layers", static_cast<double>(rnn.layers), 1, 64);
  check_range(kind, "hidden", static_cast<double>(rnn.hidden), 1, 65536);
}

#define CAPE_INSTANTIATE(Rnn)                                   \
  template Kind kind_of(const Rnn&);                            \
  template std::string name_of(const Rnn&);                     \
  template Size size_of(const Rnn&, const Shape&, const Head&); \
  template OwnFacts facts_of(const Rnn&);                       \
  template void check(const Rnn&)
CAPE_INSTANTIATE(Lstm);
CAPE_INSTANTIATE(Gru);
#undef CAPE_INSTANTIATE

}  // namespace cape::zoo
