/// The names an explicit list of architectures may use.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "zoo/architecture.h"

namespace cape::zoo {

/// The families there are.
const std::vector<std::string>& families();

/// The names of a family's architectures for `architectures: [name]`, e.g.
/// vit_tiny; for "mlp" the kinds are described by keys instead and this is
/// {"mlp"}.
std::vector<std::string> architecture_names(const std::string& family);

/// The keys of `architectures: [{kind: NAME, key: value}]`, kind apart.
std::vector<std::string> architecture_keys(const std::string& name);

/// The architecture `name` with `keys` (a JSON object) over its defaults.
/// Throws UserError naming the key for an unknown key or an unusable value.
Architecture make_architecture(const std::string& family,
                               const std::string& name,
                               const nlohmann::json& keys);

}  // namespace cape::zoo
