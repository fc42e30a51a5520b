#include "models/recurrent_scan.h"

#include "kernels/kernels.h"
#include "models/packed_matrix.h"

namespace cape::models {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

float* values(const Tensor& x) { return x.data_ptr<float>(); }

/// The steps in the order in which they are taken.
struct Order {
  std::int64_t steps;
  bool reverse;

  std::int64_t step(std::int64_t k) const {
    return reverse ? steps - 1 - k : k;
  }
};

/// What the backward pass needs from the forward pass: steps x samples x ... .
struct Trace {
  Tensor of_input;   ///< 4 or 3 hidden: the activated gates
  Tensor of_hidden;  ///< LSTM: hidden, the cell states; GRU: 3 hidden
  Tensor output;     ///< hidden
};

/// The parts of `x` that belong to step k and to the step before it.
struct Steps {
  Tensor now, before;  ///< `before` is undefined at the first step

  Steps(const Tensor& x, Order order, std::int64_t k) : now(x[order.step(k)]) {
    if (k > 0) before = x[order.step(k - 1)];
  }
  float* now_data() const { return values(now); }
  float* before_data() const {
    return before.defined() ? values(before) : nullptr;
  }
};

template <int Gates>
struct Cell;

template <>
struct Cell<4> {
  static Trace scan(const Tensor& input, const RecurrentWeights& w,
                    Order order) {
    const std::int64_t samples = input.size(1);
    const std::int64_t hidden = w.of_hidden.size(1);
    Trace trace = {torch::addmm(w.input_bias + w.hidden_bias,
                                input.flatten(0, 1), w.of_input.t())
                       .view({order.steps, samples, 4 * hidden}),
                   torch::empty({order.steps, samples, hidden}),
                   torch::empty({order.steps, samples, hidden})};
    const PackedMatrix of_hidden(w.of_hidden.t(), samples);
    for (std::int64_t k = 0; k < order.steps; ++k) {
      const Steps gates(trace.of_input, order, k);
      const Steps cell(trace.of_hidden, order, k);
      const Steps output(trace.output, order, k);
      if (k > 0) of_hidden.multiply_add(output.before, gates.now);
      kernels::lstm_step(gates.now_data(), cell.before_data(), samples, hidden,
                         cell.now_data(), output.now_data());
    }
    return trace;
  }

  static Projections scan_back(const Trace& trace, const RecurrentWeights& w,
                               const Tensor& d_output, Order order) {
    const std::int64_t samples = d_output.size(1);
    const std::int64_t hidden = d_output.size(2);
    const Tensor d_gates = torch::empty_like(trace.of_input);
    const Tensor d_cell = torch::zeros({samples, hidden});
    const PackedMatrix of_hidden(w.of_hidden, samples);
    Tensor d_now = d_output[order.step(order.steps - 1)];
    for (std::int64_t k = order.steps - 1; k >= 0; --k) {
      const Steps gates(trace.of_input, order, k);
      const Steps cell(trace.of_hidden, order, k);
      const Tensor d = d_gates[order.step(k)];
      kernels::lstm_step_backward(gates.now_data(), cell.before_data(),
                                  cell.now_data(), values(d_now), samples,
                                  hidden, values(d), values(d_cell));
      if (k > 0) {
        d_now = d_output[order.step(k - 1)].clone();
        of_hidden.multiply_add(d, d_now);
      }
    }
    return {d_gates, d_gates};
  }
};

template <>
struct Cell<3> {
  static Trace scan(const Tensor& input, const RecurrentWeights& w,
                    Order order) {
    const std::int64_t samples = input.size(1);
    const std::int64_t hidden = w.of_hidden.size(1);
    Trace trace = {
        torch::addmm(w.input_bias, input.flatten(0, 1), w.of_input.t())
            .view({order.steps, samples, 3 * hidden}),
        torch::empty({order.steps, samples, 3 * hidden}),
        torch::empty({order.steps, samples, hidden})};
    const PackedMatrix of_hidden_weight(w.of_hidden.t(), samples);
    for (std::int64_t k = 0; k < order.steps; ++k) {
      const Steps of_input(trace.of_input, order, k);
      Steps of_hidden(trace.of_hidden, order, k);
      const Steps output(trace.output, order, k);
      if (k > 0) {
        of_hidden_weight.multiply(output.before, of_hidden.now);
      } else {
        of_hidden.now.zero_();
      }
      kernels::gru_step(of_input.now_data(), of_hidden.now_data(),
                        values(w.hidden_bias), output.before_data(), samples,
                        hidden, output.now_data());
    }
    return trace;
  }

  static Projections scan_back(const Trace& trace, const RecurrentWeights& w,
                               const Tensor& d_output, Order order) {
    const std::int64_t samples = d_output.size(1);
    const std::int64_t hidden = d_output.size(2);
    const Projections d = {torch::empty_like(trace.of_input),
                           torch::empty_like(trace.of_hidden)};
    const Tensor d_before = torch::empty({samples, hidden});
    const PackedMatrix of_hidden_weight(w.of_hidden, samples);
    Tensor d_now = d_output[order.step(order.steps - 1)];
    for (std::int64_t k = order.steps - 1; k >= 0; --k) {
      const Steps of_input(trace.of_input, order, k);
      const Steps of_hidden(trace.of_hidden, order, k);
      const Steps output(trace.output, order, k);
      const Steps d_of_hidden(d.of_hidden, order, k);
      kernels::gru_step_backward(of_input.now_data(), of_hidden.now_data(),
                                 output.before_data(), values(d_now), samples,
                                 hidden, values(d.of_input[order.step(k)]),
                                 d_of_hidden.now_data(), values(d_before));
      if (k > 0) {
        d_now = d_before.add(d_output[order.step(k - 1)]);
        of_hidden_weight.multiply_add(d_of_hidden.now, d_now);
      }
    }
    return d;
  }
};

template <int Gates>
class Scan : public torch::autograd::Function<Scan<Gates>> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input,
                        const Tensor& of_input, const Tensor& of_hidden,
                        const Tensor& input_bias, const Tensor& hidden_bias,
                        const std::optional<Tensor>& of_input_probe,
                        const std::optional<Tensor>& /*of_hidden_probe*/,
                        bool reverse) {
    const Trace trace =
        Cell<Gates>::scan(input, {of_input, of_hidden, input_bias, hidden_bias},
                          {input.size(0), reverse});
    context->save_for_backward({input, of_input, of_hidden, input_bias,
                                hidden_bias, trace.of_input, trace.of_hidden,
                                trace.output});
    context->saved_data["reverse"] = reverse;
    context->saved_data["probed"] = of_input_probe.has_value();
    return trace.output;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& input = saved[0];
    const RecurrentWeights weights = {saved[1], saved[2], saved[3], saved[4]};
    const Order order = {input.size(0),
                         context->saved_data["reverse"].toBool()};
    const Trace trace = {saved[5], saved[6], saved[7]};
    const Projections d = Cell<Gates>::scan_back(
        trace, weights, gradients[0].contiguous(), order);
    return gradients_of(*context, input, weights, d, trace.output, order);
  }

 private:
  static variable_list gradients_of(AutogradContext& context,
                                    const Tensor& input,
                                    const RecurrentWeights& weights,
                                    const Projections& d, const Tensor& output,
                                    Order order) {
    variable_list all(8);
    const Tensor d_input_rows = d.of_input.flatten(0, 1);
    if (context.needs_input_grad(0)) {
      all[0] = torch::mm(d_input_rows, weights.of_input).view_as(input);
    }
    if (context.needs_input_grad(1)) {
      all[1] = torch::mm(d_input_rows.t(), input.flatten(0, 1));
    }
    if (context.needs_input_grad(2)) {
      // The gradient of every step with the output of the step before it.
      const std::int64_t pairs = order.steps - 1;
      const Tensor now = d.of_hidden.narrow(0, order.reverse ? 0 : 1, pairs);
      const Tensor before = output.narrow(0, order.reverse ? 1 : 0, pairs);
      all[2] = torch::mm(now.flatten(0, 1).t(), before.flatten(0, 1));
    }
    if (context.needs_input_grad(3)) all[3] = d_input_rows.sum(0);
    if (context.needs_input_grad(4)) {
      const bool same = d.of_hidden.is_same(d.of_input) && all[3].defined();
      all[4] = same ? all[3] : d.of_hidden.sum(at::IntArrayRef{0, 1});
    }
    if (context.saved_data["probed"].toBool()) {
      all[5] = d.of_input;
      all[6] = d.of_hidden;
    }
    return all;
  }
};

}  // namespace

template <int Gates>
Tensor recurrent_scan(const Tensor& input, const RecurrentWeights& weights,
                      const Projections& probes, bool reverse) {
  const auto given = [](const Tensor& x) {
    return x.defined() ? std::optional(x) : std::nullopt;
  };
  return Scan<Gates>::apply(input, weights.of_input, weights.of_hidden,
                            weights.input_bias, weights.hidden_bias,
                            given(probes.of_input), given(probes.of_hidden),
                            reverse);
}

template Tensor recurrent_scan<4>(const Tensor&, const RecurrentWeights&,
                                  const Projections&, bool);
template Tensor recurrent_scan<3>(const Tensor&, const RecurrentWeights&,
                                  const Projections&, bool);

}  // namespace cape::models
