#include "zoo/vit.h"

#include <fmt/format.h>

#include "core/error.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

std::int64_t patches(const Vit& vit, const Shape& input) {
  return (input.at(1) / vit.patch) * (input.at(2) / vit.patch);
}

}  // namespace

Kind kind_of(const Vit&) {
  return {"transformer", "vit_tiny", {.rgb32 = true}};
}

std::string name_of(const Vit& vit) {
  if (vit == Vit{}) return "vit_tiny";
  return fmt::format("vit_p{}_w{}_d{}_h{}_r{}", vit.patch, vit.width, vit.depth,
                     vit.heads, vit.mlp_ratio);
}

std::int64_t count_parameters(const Vit& vit, const Shape& input,
                              std::int64_t outputs) {
  const std::int64_t w = vit.width;
  const std::int64_t embed = (input.at(0) * vit.patch * vit.patch + 1) * w;
  const std::int64_t tokens = (patches(vit, input) + 1) * w + w;
  const std::int64_t norm = 2 * w;
  const std::int64_t attention = 4 * (w + 1) * w;
  const std::int64_t hidden = vit.mlp_ratio * w;
  const std::int64_t mlp = (w + 1) * hidden + (hidden + 1) * w;
  return embed + tokens + vit.depth * (2 * norm + attention + mlp) + norm +
         (w + 1) * outputs;
}

double count_flops(const Vit& vit, const Shape& input, std::int64_t outputs) {
  const auto w = static_cast<double>(vit.width);
  const auto n = static_cast<double>(patches(vit, input));
  const double t = n + 1;
  const double embed =
      n * static_cast<double>(input.at(0) * vit.patch * vit.patch) * w;
  const double projections =
      t * w * w * static_cast<double>(4 + 2 * vit.mlp_ratio);
  const double attention = 2 * t * t * w;
  return 2 *
         (embed + static_cast<double>(vit.depth) * (projections + attention) +
          w * static_cast<double>(outputs));
}

void check(const Vit& vit) {
  check_range("vit_tiny", "patch", static_cast<double>(vit.patch), 1, 32);
  check_range("vit_tiny", "width", static_cast<double>(vit.width), 1, 8192);
  check_range("vit_tiny", "depth", static_cast<double>(vit.depth), 1, 64);
  check_range("vit_tiny", "heads", static_cast<double>(vit.heads), 1, 64);
  check_range("vit_tiny", "mlp_ratio", static_cast<double>(vit.mlp_ratio), 1,
              16);
  if (32 % vit.patch != 0) {
    fail_user("vit_tiny: patch must divide the image side 32 (found {})",
              vit.patch);
  }
  if (vit.width % vit.heads != 0) {
    fail_user("vit_tiny: width must be a multiple of heads (found {} and {})",
              vit.width, vit.heads);
  }
}

}  // namespace cape::zoo
