#include "models/recurrent.h"

#include <vector>

#include "models/initialize.h"
#include "models/recurrent_scan.h"

namespace cape::models {
namespace {

/// Hidden and cell state, samples x hidden.
struct State {
  torch::Tensor hidden, cell;
};

/// `x` and `h` are the two projections of a step, samples x gates hidden; the
/// gates are in PyTorch's order.
template <int Gates>
State step(const torch::Tensor& x, const torch::Tensor& h, const State& state);

template <>
State step<4>(const torch::Tensor& x, const torch::Tensor& h,
              const State& state) {
  const std::vector<torch::Tensor> gates = (x + h).chunk(4, 1);
  const torch::Tensor cell =
      gates[1].sigmoid() * state.cell + gates[0].sigmoid() * gates[2].tanh();
  return {gates[3].sigmoid() * cell.tanh(), cell};
}

template <>
State step<3>(const torch::Tensor& x, const torch::Tensor& h,
              const State& state) {
  const std::vector<torch::Tensor> of_x = x.chunk(3, 1);
  const std::vector<torch::Tensor> of_h = h.chunk(3, 1);
  const torch::Tensor reset = (of_x[0] + of_h[0]).sigmoid();
  const torch::Tensor update = (of_x[1] + of_h[1]).sigmoid();
  const torch::Tensor candidate = (of_x[2] + reset * of_h[2]).tanh();
  return {candidate + update * (state.hidden - candidate), {}};
}

template <>
State step<1>(const torch::Tensor& x, const torch::Tensor& h,
              const State& /*state*/) {
  return {(x + h).tanh(), {}};
}

}  // namespace

template <int Gates>
RecurrentLayer<Gates>::RecurrentLayer(std::int64_t features,
                                      std::int64_t hidden, bool reverse)
    : input_projection_(
          register_module("input_projection",
                          std::make_shared<Linear>(features, Gates * hidden))),
      hidden_projection_(
          register_module("hidden_projection",
                          std::make_shared<Linear>(hidden, Gates * hidden))),
      hidden_(hidden),
      reverse_(reverse) {
  torch_default_recurrent(*input_projection_, hidden);
  torch_default_recurrent(*hidden_projection_, hidden);
}

template <int Gates>
torch::Tensor RecurrentLayer<Gates>::forward(const torch::Tensor& input) const {
  // There are no kernels for a plain RNN.
  if constexpr (Gates == 1) {
    return forward_by_steps(input);
  } else {
    return is_for_kernels(input) ? forward_by_scan(input)
                                 : forward_by_steps(input);
  }
}

template <int Gates>
torch::Tensor RecurrentLayer<Gates>::forward_by_scan(
    const torch::Tensor& input) const requires(Gates > 1) {
  const RecurrentWeights weights = {
      input_projection_->weight, hidden_projection_->weight,
      input_projection_->bias, hidden_projection_->bias};
  if (!ProbeRecording::is_on()) {
    return recurrent_scan<Gates>(input.contiguous(), weights, {}, reverse_);
  }
  const auto stand_in = [&] {
    return torch::empty({input.size(1), input.size(0), Gates * hidden_},
                        torch::requires_grad());
  };
  const torch::Tensor of_input = stand_in();
  const torch::Tensor of_hidden = stand_in();
  torch::Tensor output = recurrent_scan<Gates>(
      input.contiguous(), weights,
      {of_input.transpose(0, 1), of_hidden.transpose(0, 1)}, reverse_);
  input_projection_->record(input.transpose(0, 1), of_input);
  hidden_projection_->record(delayed(output).transpose(0, 1), of_hidden);
  return output;
}

/// What each step saw of the step before it.
template <int Gates>
torch::Tensor RecurrentLayer<Gates>::delayed(
    const torch::Tensor& output) const {
  const std::int64_t steps = output.size(0);
  const torch::Tensor zero = torch::zeros_like(output.narrow(0, 0, 1));
  const torch::Tensor seen = output.narrow(0, reverse_ ? 1 : 0, steps - 1);
  return reverse_ ? torch::cat({seen, zero}) : torch::cat({zero, seen});
}

/// The same made of Torch's own operations, for any type and device.
template <int Gates>
torch::Tensor RecurrentLayer<Gates>::forward_by_steps(
    const torch::Tensor& input) const {
  const std::vector<torch::Tensor> projected =
      input_projection_->forward(input.transpose(0, 1)).unbind(1);
  const torch::Tensor zero = input.new_zeros({input.size(1), hidden_});
  State state{zero, zero};
  std::vector<torch::Tensor> outputs(projected.size());
  for (std::size_t k = 0; k < projected.size(); ++k) {
    const std::size_t t = reverse_ ? projected.size() - 1 - k : k;
    state = step<Gates>(projected[t], hidden_projection_->forward(state.hidden),
                        state);
    outputs[t] = state.hidden;
  }
  return torch::stack(outputs);
}

template class RecurrentLayer<4>;
template class RecurrentLayer<3>;
template class RecurrentLayer<1>;

template <int Gates>
RecurrentStack<Gates>::RecurrentStack(std::int64_t features,
                                      std::int64_t hidden, std::int64_t layers,
                                      bool bidirectional)
    : width_(hidden * (bidirectional ? 2 : 1)) {
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto add = [&](const char* direction, bool reverse) {
      return this->register_module(
          direction + std::to_string(i),
          std::make_shared<RecurrentLayer<Gates>>(i == 0 ? features : width_,
                                                  hidden, reverse));
    };
    forward_.push_back(add("forward", false));
    if (bidirectional) backward_.push_back(add("backward", true));
  }
}

/// The output of the first `layers` layers.
template <int Gates>
torch::Tensor RecurrentStack<Gates>::through(const torch::Tensor& input,
                                             std::size_t layers) const {
  torch::Tensor x = input;
  for (std::size_t i = 0; i < layers; ++i) {
    torch::Tensor y = forward_[i]->forward(x);
    if (!backward_.empty()) y = torch::cat({y, backward_[i]->forward(x)}, 2);
    x = y;
  }
  return x;
}

template <int Gates>
torch::Tensor RecurrentStack<Gates>::all_steps(
    const torch::Tensor& input) const {
  return through(input, forward_.size());
}

template <int Gates>
torch::Tensor RecurrentStack<Gates>::last_step(
    const torch::Tensor& input) const {
  const torch::Tensor x = through(input, forward_.size() - 1);
  const torch::Tensor y = forward_.back()->forward(x)[-1];
  if (backward_.empty()) return y;
  return torch::cat({y, backward_.back()->forward(x.narrow(0, -1, 1))[0]}, 1);
}

template <int Gates>
std::vector<std::shared_ptr<RecurrentLayer<Gates>>>
RecurrentStack<Gates>::layers() const {
  std::vector<std::shared_ptr<RecurrentLayer<Gates>>> all;
  for (std::size_t i = 0; i < forward_.size(); ++i) {
    all.push_back(forward_[i]);
    if (!backward_.empty()) all.push_back(backward_[i]);
  }
  return all;
}

template class RecurrentStack<4>;
template class RecurrentStack<3>;
template class RecurrentStack<1>;

}  // namespace cape::models
