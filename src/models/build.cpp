#include "models/build.h"

#include <algorithm>
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

std::optional<double> Model::dropout_rate(const torch::Tensor& /*inputs*/) {
  std::optional<double> greatest;
  for (const auto& module : modules()) {
    const auto* const dropout = dynamic_cast<const Dropout*>(module.get());
    if (dropout == nullptr) continue;
    greatest = std::max(greatest.value_or(0), dropout->rate_in_training());
  }
  return greatest;
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

namespace {

/// A network for sequences behind an embedding of tokens.
class TokenModel : public Model {
 public:
  TokenModel(std::shared_ptr<TokenEmbedding> embedding,
             std::shared_ptr<Model> network)
      : embedding_(register_module("embedding", std::move(embedding))),
        network_(register_module("network", std::move(network))) {}

  torch::Tensor forward(const torch::Tensor& tokens) override {
    return network_->forward(embedding_->forward(tokens));
  }

  std::int64_t micro_batch_size() const override {
    return network_->micro_batch_size();
  }

 private:
  std::shared_ptr<TokenEmbedding> embedding_;
  std::shared_ptr<Model> network_;
};

}  // namespace

std::shared_ptr<Model> build(const zoo::Architecture& architecture,
                             const zoo::Sample& sample, const zoo::Head& head) {
  const Shape input = zoo::input_shape(architecture, sample);
  const auto network = std::visit(
      [&](const auto& description) {
        return make_model(description, input, head);
      },
      architecture);
  const std::int64_t features = zoo::embedding_width(architecture, sample);
  if (features == 0) return network;
  return std::make_shared<TokenModel>(
      std::make_shared<TokenEmbedding>(sample.vocabulary, features), network);
}

std::int64_t parameter_count(const torch::nn::Module& model) {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : model.parameters()) {
    if (parameter.requires_grad()) count += parameter.numel();
  }
  return count;
}

}  // namespace cape::models
