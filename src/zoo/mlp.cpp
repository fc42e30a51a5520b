#include "zoo/mlp.h"

#include <fmt/format.h>

#include <functional>
#include <numeric>

#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

std::int64_t product(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1},
                         std::multiplies<>());
}

}  // namespace

Kind kind_of(const Mlp&) {
  return {"mlp", "mlp", {}, {.vectors = true, .sequences = true}};
}

std::string name_of(const Mlp& mlp) {
  const Mlp defaults;
  std::string name = fmt::format("mlp_{}x{}", mlp.layers, mlp.width);
  if (mlp.activation == Activation::relu) name += "_relu";
  if (!mlp.batch_norm) name += "_nobn";
  if (mlp.dropout != defaults.dropout) {
    name += fmt::format("_drop{}", mlp.dropout);
  }
  return name;
}

Size size_of(const Mlp& mlp, const Shape& input, const Head& head) {
  const std::int64_t inputs = product(input);
  const std::int64_t w = mlp.width;
  const std::int64_t weights =
      inputs * w + (mlp.layers - 1) * w * w + w * head.outputs;
  const std::int64_t norms = mlp.batch_norm ? mlp.layers * 2 * w : 0;
  return {.parameters = weights + mlp.layers * w + head.outputs + norms,
          .flops = 2.0 * static_cast<double>(weights)};
}

OwnFacts facts_of(const Mlp& mlp) {
  return {.published = "",
          .depth = {"layers", mlp.layers},
          .width = {"width", mlp.width}};
}

void check(const Mlp& mlp) {
  check_range("mlp", "layers", static_cast<double>(mlp.layers), 1, 64);
  check_range("mlp", "width", static_cast<double>(mlp.width), 1, 65536);
  check_range("mlp", "dropout", mlp.dropout, 0, 0.95);
}

}  // namespace cape::zoo
