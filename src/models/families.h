/// The builders that models/build.h dispatches to, one file each. Private to
/// src/models. `input` is the shape of one sample as the network sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/build.h"

namespace cape::models {

using Shape = std::vector<std::int64_t>;

std::shared_ptr<Model> make_model(const zoo::Mlp& mlp, const Shape& input,
                                  std::int64_t outputs);
std::shared_ptr<Model> make_model(const zoo::Vit& vit, const Shape& input,
                                  std::int64_t outputs);

}  // namespace cape::models
