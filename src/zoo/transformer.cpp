#include "zoo/transformer.h"

#include <fmt/format.h>

#include "core/error.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

/// Adds up the parts of a transformer.
struct Sum {
  Size size;

  /// Adds a matrix that is used `positions` times, with a bias unless `bare`.
  void matrix(std::int64_t inputs, std::int64_t outputs, std::int64_t positions,
              bool bare = false) {
    size.parameters += (inputs + (bare ? 0 : 1)) * outputs;
    size.flops += 2.0 * static_cast<double>(positions * inputs * outputs);
  }

  void norm(std::int64_t width) { size.parameters += 2 * width; }

  void learned(std::int64_t values) { size.parameters += values; }

  void blocks(std::int64_t depth, std::int64_t tokens, std::int64_t width,
              std::int64_t mlp_ratio) {
    for (std::int64_t i = 0; i < depth; ++i) {
      norm(width);
      matrix(width, 3 * width, tokens);
      size.flops += 2 * 2.0 * static_cast<double>(tokens * tokens * width);
      matrix(width, width, tokens);
      norm(width);
      matrix(width, mlp_ratio * width, tokens);
      matrix(mlp_ratio * width, width, tokens);
    }
  }
};

std::int64_t patches(std::int64_t patch, const Shape& input) {
  return (input.at(1) / patch) * (input.at(2) / patch);
}

template <class Transformer>
void check_common(const char* kind, const Transformer& t) {
  check_range(kind, "width", static_cast<double>(t.width), 1, 8192);
  check_range(kind, "depth", static_cast<double>(t.depth), 1, 64);
  check_range(kind, "heads", static_cast<double>(t.heads), 1, 64);
  check_range(kind, "mlp_ratio", static_cast<double>(t.mlp_ratio), 1, 16);
}

/// `divisor` must divide `value`.
void check_divides(const char* kind, const char* divisor_key,
                   std::int64_t divisor, const char* value_key,
                   std::int64_t value) {
  if (value % divisor == 0) return;
  fail_user("{}: {} must divide {} (found {} and {})", kind, divisor_key,
            value_key, divisor, value);
}

}  // namespace

Kind kind_of(const Vit& vit) {
  return {"transformer",
          "vit_tiny",
          {.rgb32 = true},
          {.sequences = true, .steps = true, .embedding = vit.width}};
}

Kind kind_of(const Cct&) {
  return {"transformer", "cct_small", {.rgb32 = true}, {}};
}

Kind kind_of(const Pit&) {
  return {"transformer", "pit_xs", {.rgb32 = true}, {}};
}

std::string name_of(const Vit& vit) {
  if (vit == Vit{}) return "vit_tiny";
  return fmt::format("vit_p{}_w{}_d{}_h{}_r{}", vit.patch, vit.width, vit.depth,
                     vit.heads, vit.mlp_ratio);
}

std::string name_of(const Cct& cct) {
  if (cct == Cct{}) return "cct_small";
  return fmt::format("cct_w{}_d{}_h{}_r{}", cct.width, cct.depth, cct.heads,
                     cct.mlp_ratio);
}

std::string name_of(const Pit& pit) {
  if (pit == Pit{}) return "pit_xs";
  return fmt::format("pit_p{}_w{}_d{}_h{}_r{}", pit.patch, pit.width, pit.depth,
                     pit.heads, pit.mlp_ratio);
}

Size size_of(const Vit& vit, const Shape& input, const Head& head) {
  const bool steps = input.size() == 2;
  const std::int64_t n = steps ? input.front() : patches(vit.patch, input);
  const std::int64_t class_token = head.per_step ? 0 : 1;
  Sum sum;
  sum.matrix(steps ? input.back() : input.front() * vit.patch * vit.patch,
             vit.width, n);
  sum.learned((class_token + n + class_token) * vit.width);
  sum.blocks(vit.depth, n + class_token, vit.width, vit.mlp_ratio);
  sum.norm(vit.width);
  sum.matrix(vit.width, head.outputs, head.per_step ? n : 1);
  return sum.size;
}

Size size_of(const Cct& cct, const Shape& input, const Head& head) {
  const std::int64_t pixels = input.at(1) * input.at(2);
  const std::int64_t half = cct.width / 2;
  const std::int64_t tokens =
      ((input.at(1) - 1) / 2 + 1) * ((input.at(2) - 1) / 2 + 1);
  Sum sum;
  sum.matrix(9 * input.at(0), half, pixels, /*bare=*/true);
  sum.norm(half);
  sum.matrix(9 * half, cct.width, tokens, /*bare=*/true);
  sum.norm(cct.width);
  sum.learned(tokens * cct.width);
  sum.blocks(cct.depth, tokens, cct.width, cct.mlp_ratio);
  sum.norm(cct.width);
  sum.matrix(cct.width, head.outputs, 1);
  return sum.size;
}

Size size_of(const Pit& pit, const Shape& input, const Head& head) {
  const std::int64_t n = patches(pit.patch, input);
  const std::int64_t wide = 2 * pit.width;
  Sum sum;
  sum.matrix(input.at(0) * pit.patch * pit.patch, pit.width, n);
  sum.learned(n * pit.width);
  sum.blocks(pit.depth, n, pit.width, pit.mlp_ratio);
  sum.matrix(pit.width, wide, n / 4);
  sum.learned(n / 4 * wide);
  sum.blocks(pit.depth, n / 4, wide, pit.mlp_ratio);
  sum.norm(wide);
  sum.matrix(wide, head.outputs, 1);
  return sum.size;
}

OwnFacts facts_of(const Vit& vit) {
  return {.published = "ViT-Tiny-32/4",
          .depth = {"depth", vit.depth},
          .width = {"width", vit.width}};
}

OwnFacts facts_of(const Cct& cct) {
  return {.published = "CCT-Small",
          .depth = {"depth", cct.depth},
          .width = {"width", cct.width}};
}

OwnFacts facts_of(const Pit& pit) {
  return {.published = "PiT-XS",
          .depth = {"depth", pit.depth},
          .width = {"width", pit.width}};
}

void check(const Vit& vit) {
  check_common("vit_tiny", vit);
  check_range("vit_tiny", "patch", static_cast<double>(vit.patch), 1, 32);
  check_divides("vit_tiny", "patch", vit.patch, "the image side", 32);
  check_divides("vit_tiny", "heads", vit.heads, "width", vit.width);
}

void check(const Cct& cct) {
  check_common("cct_small", cct);
  check_divides("cct_small", "2", 2, "width", cct.width);
  check_divides("cct_small", "heads", cct.heads, "width", cct.width);
}

void check(const Pit& pit) {
  check_common("pit_xs", pit);
  check_range("pit_xs", "patch", static_cast<double>(pit.patch), 1, 16);
  check_divides("pit_xs", "twice the patch", 2 * pit.patch, "the image side",
                32);
  check_divides("pit_xs", "heads", pit.heads, "width", pit.width);
  check_divides("pit_xs", "heads + 1", pit.heads + 1, "twice the width",
                2 * pit.width);
}

}  // namespace cape::zoo
