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
  if (!is_for_kernels(input)) return forward_by_steps(input);
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

}  // namespace cape::models
