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
      : per_step_(head.per_step),
        stack_(register_module(
            "stack", std::make_shared<RecurrentStack<kGates>>(
                         input.back() * (input.size() == 3 ? input[0] : 1),
                         rnn.hidden, rnn.layers, rnn.bidirectional))),
        head_(register_module(
            "head", std::make_shared<Linear>(stack_->width(), head.outputs))) {
    torch_default(*head_);
  }

  torch::Tensor forward(const torch::Tensor& inputs) override {
    // samples x T x D or samples x C x H (steps) x W -> steps x samples x
    // features
    const torch::Tensor x = inputs.dim() == 3
                                ? inputs.transpose(0, 1)
                                : inputs.permute({2, 0, 1, 3}).flatten(2);
    return head_->forward(per_step_ ? stack_->all_steps(x).transpose(0, 1)
                                    : stack_->last_step(x));
  }

  std::int64_t micro_batch_size() const override { return 64; }

 private:
  const bool per_step_;
  std::shared_ptr<RecurrentStack<kGates>> stack_;
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
