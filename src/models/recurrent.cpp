#include "models/recurrent.h"

#include <vector>

#include "models/initialize.h"

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
                                      std::int64_t hidden)
    : input_projection_(
          register_module("input_projection",
                          std::make_shared<Linear>(features, Gates * hidden))),
      hidden_projection_(
          register_module("hidden_projection",
                          std::make_shared<Linear>(hidden, Gates * hidden))),
      hidden_(hidden) {
  torch_default_recurrent(*input_projection_, hidden);
  torch_default_recurrent(*hidden_projection_, hidden);
}

template <int Gates>
torch::Tensor RecurrentLayer<Gates>::forward(const torch::Tensor& input) const {
  // One product for all steps' inputs.
  const std::vector<torch::Tensor> projected =
      input_projection_->forward(input).unbind(1);
  const torch::Tensor zero = input.new_zeros({input.size(0), hidden_});
  State state{zero, zero};
  std::vector<torch::Tensor> outputs;
  outputs.reserve(projected.size());
  for (const torch::Tensor& x : projected) {
    state = step<Gates>(x, hidden_projection_->forward(state.hidden), state);
    outputs.push_back(state.hidden);
  }
  return torch::stack(outputs, 1);
}

template class RecurrentLayer<4>;
template class RecurrentLayer<3>;

}  // namespace cape::models
