/// The names that an explicit list of architectures may use.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "zoo/architecture.h"

namespace cape::zoo {

/// All families.
const std::vector<std::string>& families();

/// The names of a family's architectures that `architectures: [name]` may use,
/// such as vit_tiny. For "mlp" it is {"mlp"}, since MLPs are described by keys.
std::vector<std::string> architecture_names(const std::string& family);

/// The keys of `architectures: [{kind: NAME, key: value}]`, without kind.
std::vector<std::string> architecture_keys(const std::string& name);

/// The architecture `name` with `keys` (a JSON object) over its defaults.
/// Throws UserError naming the key for an unknown key or an unusable value.
Architecture make_architecture(const std::string& family,
                               const std::string& name,
                               const nlohmann::json& keys);

}  // namespace cape::zoo
