#include "models/build.h"

#include "models/families.h"

namespace cape::models {

std::shared_ptr<Model> build(const zoo::Architecture& architecture,
                             const std::vector<std::int64_t>& sample,
                             const zoo::Head& head) {
  const Shape input = zoo::input_shape(architecture, sample);
  return std::visit(
      [&](const auto& description) {
        return make_model(description, input, head);
      },
      architecture);
}

std::int64_t parameter_count(const torch::nn::Module& model) {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) count += parameter.numel();
  }
  return count;
}

}  // namespace cape::models
