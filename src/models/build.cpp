#include "models/build.h"

#include <utility>

#include "models/families.h"
#include "models/layers.h"

namespace cape::models {

void Model::train_without_dropout() {
  train();
  for (const auto& module : modules()) {
    if (dynamic_cast<const Dropout*>(module.get()) != nullptr) module->eval();
  }
}

std::function<void()> Model::remember_state() {
  std::vector<torch::Tensor> values;
  for (const torch::Tensor& buffer : buffers()) {
    values.push_back(buffer.clone());
  }
  return [now = buffers(), values = std::move(values)] {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < now.size(); ++i) now[i].copy_(values[i]);
  };
}

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
