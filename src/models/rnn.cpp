#include <vector>

#include "models/families.h"
#include "models/initialize.h"
#include "models/recurrent.h"

namespace cape::models {
namespace {

template <class Description>
class RnnModel : public Model {
 public:
  static constexpr int kGates = Description::kGates;

  RnnModel(const Description& rnn, const Shape& input, const zoo::Head& head)
      : per_step_(head.per_step) {
    const std::int64_t width = rnn.hidden * (rnn.bidirectional ? 2 : 1);
    std::int64_t features = input.back() * (input.size() == 3 ? input[0] : 1);
    for (std::int64_t i = 0; i < rnn.layers; ++i) {
      forward_.push_back(add("forward", i, features, rnn.hidden, false));
      if (rnn.bidirectional) {
        backward_.push_back(add("backward", i, features, rnn.hidden, true));
      }
      features = width;
    }
    head_ =
        register_module("head", std::make_shared<Linear>(width, head.outputs));
    torch_default(*head_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    // samples x T x D or samples x C x H (steps) x W -> steps x samples x
    // features
    torch::Tensor x = inputs.dim() == 3
                          ? inputs.transpose(0, 1)
                          : inputs.permute({2, 0, 1, 3}).flatten(2);
    const std::size_t whole = forward_.size() - (per_step_ ? 0 : 1);
    for (std::size_t i = 0; i < whole; ++i) {
      torch::Tensor y = forward_[i]->forward(x);
      if (!backward_.empty()) y = torch::cat({y, backward_[i]->forward(x)}, 2);
      x = y;
    }
    return head_->forward(per_step_ ? x.transpose(0, 1) : last_step(x));
  }

  std::int64_t micro_batch_size() const override { return 64; }

 private:
  /// The output of the last layer at the last step, where the backward
  /// direction has taken one step.
  torch::Tensor last_step(const torch::Tensor& x) const {
    const torch::Tensor y = forward_.back()->forward(x)[-1];
    if (backward_.empty()) return y;
    return torch::cat({y, backward_.back()->forward(x.narrow(0, -1, 1))[0]}, 1);
  }

  std::shared_ptr<RecurrentLayer<kGates>> add(const char* direction,
                                              std::int64_t layer,
                                              std::int64_t features,
                                              std::int64_t hidden,
                                              bool reverse) {
    return register_module(
        direction + std::to_string(layer),
        std::make_shared<RecurrentLayer<kGates>>(features, hidden, reverse));
  }

  const bool per_step_;
  std::vector<std::shared_ptr<RecurrentLayer<kGates>>> forward_, backward_;
  std::shared_ptr<Linear> head_;
};

}  // namespace

std::shared_ptr<Model> make_model(const zoo::Lstm& lstm, const Shape& input,
                                  const zoo::Head& head) {
  return std::make_shared<RnnModel<zoo::Lstm>>(lstm, input, head);
}

std::shared_ptr<Model> make_model(const zoo::Gru& gru, const Shape& input,
                                  const zoo::Head& head) {
  return std::make_shared<RnnModel<zoo::Gru>>(gru, input, head);
}

}  // namespace cape::models
