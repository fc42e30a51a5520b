/// What each architecture's own file gives; architecture.h dispatches to it.
/// Private to src/zoo.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "zoo/architecture.h"

namespace cape::zoo {

using Shape = std::vector<std::int64_t>;

/// A static description of an architecture's kind.
struct Kind {
  const char* family;
  const char* name;
  InputForm input;
};

Kind kind_of(const Mlp&);
std::string name_of(const Mlp& mlp);
std::int64_t count_parameters(const Mlp& mlp, const Shape& input,
                              std::int64_t outputs);
double count_flops(const Mlp& mlp, const Shape& input, std::int64_t outputs);
void check(const Mlp& mlp);

Kind kind_of(const Vit&);
std::string name_of(const Vit& vit);
std::int64_t count_parameters(const Vit& vit, const Shape& input,
                              std::int64_t outputs);
double count_flops(const Vit& vit, const Shape& input, std::int64_t outputs);
void check(const Vit& vit);

/// Throws UserError unless lowest <= value <= highest.
void check_range(const char* kind, const char* key, double value, double lowest,
                 double highest);

NLOHMANN_JSON_SERIALIZE_ENUM(Activation, {{Activation::gelu, "gelu"},
                                          {Activation::relu, "relu"}})
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Mlp, layers, width, batch_norm, activation,
                                   dropout)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Vit, patch, width, depth, heads, mlp_ratio)

}  // namespace cape::zoo
