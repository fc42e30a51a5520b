#include "models/residual_branch.h"

#include <utility>
#include <vector>

#include "kernels/kernels.h"
#include "models/attention.h"
#include "models/tensor_data.h"

namespace cape::models {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// ... x features -> rows x features.
Tensor as_matrix(const Tensor& x) {
  return x.reshape({-1, x.size(-1)}).contiguous();
}

kernels::Matrix shape_of(const Tensor& rows) {
  return {rows.size(0), rows.size(1)};
}

Tensor normalised(const Tensor& rows, const Tensor& weight,
                  const Tensor& bias) {
  const Tensor y = torch::empty_like(rows);
  kernels::layer_norm(float_data(rows), float_data(weight), float_data(bias),
                      shape_of(rows), LayerNorm::kEpsilon, y.data_ptr<float>());
  return y;
}

/// activation(product + bias + residual); the residual may be undefined.
Tensor finished(const Tensor& product, const Tensor& bias,
                const Tensor& residual, Activation activation) {
  const Tensor y = torch::empty_like(product);
  const Tensor one = torch::ones_like(bias);
  kernels::affine_activation(
      float_data(product), float_data(residual), float_data(one),
      float_data(bias), shape_of(product), activation, {}, y.data_ptr<float>());
  return y;
}

/// The gradients of input (plus `dy`, the residual's), weight and bias.
struct NormGradients {
  Tensor input, weight, bias;
};
NormGradients norm_backward(const Tensor& dn, const Tensor& dy, const Tensor& x,
                            const Tensor& weight) {
  const Tensor dx = torch::empty_like(x);
  const Tensor sums = torch::empty({2, x.size(1)}, torch::kDouble);
  kernels::layer_norm_backward(
      float_data(dn), float_data(x), float_data(weight), float_data(dy),
      shape_of(x), LayerNorm::kEpsilon, dx.data_ptr<float>(),
      sums[0].data_ptr<double>(), sums[1].data_ptr<double>());
  return {dx, sums[1].to(torch::kFloat), sums[0].to(torch::kFloat)};
}

/// What a linear layer needs if the gradients of its parameters are wanted:
/// `input` (a function, since it may have to be computed again) and the
/// output's gradient.
template <class Input>
void linear_gradients(const AutogradContext& context, std::size_t index,
                      const Tensor& d, const Input& input,
                      variable_list& gradients) {
  if (context.needs_input_grad(index)) gradients[index] = d.t().mm(input());
  if (context.needs_input_grad(index + 1)) gradients[index + 1] = d.sum(0);
}

/// What both functions get: x, the norm's weight and bias, those of the linear
/// layers, and in a probe a stand-in for the output of each layer, which is an
/// empty tensor that gets that output's gradient.
constexpr std::size_t kLinear = 3;

/// y, and in a probe the inputs of the linear layers.
variable_list outputs(AutogradContext* context, Tensor y, bool is_recorded,
                      variable_list inputs) {
  context->set_materialize_grads(false);
  if (!is_recorded) return {std::move(y)};
  context->mark_non_differentiable(inputs);
  inputs.insert(inputs.begin(), std::move(y));
  return inputs;
}

/// What both backward passes return: the gradients of x and of the parameters
/// (only those of x and of the norm are not filled in yet), then those of the
/// stand-ins.
variable_list gradients_of(const NormGradients& norm, std::size_t linear,
                           variable_list stand_ins, const Tensor& like) {
  variable_list all = {norm.input.view_as(like), norm.weight, norm.bias};
  all.resize(kLinear + 2 * linear);
  for (Tensor& d : stand_ins) all.push_back(std::move(d));
  return all;
}

/// The parameters: norm, queries, keys, values, output projection.
class AttentionBranch : public Function<AttentionBranch> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& input,
                               at::TensorList parameters,
                               at::TensorList stand_ins, std::int64_t heads) {
    const Tensor x = as_matrix(input);
    const Tensor n = normalised(x, parameters[0], parameters[1]);
    const AttentionInput heads_in = {
        torch::addmm(parameters[3], n, parameters[2].t()),
        torch::addmm(parameters[5], n, parameters[4].t()),
        torch::addmm(parameters[7], n, parameters[6].t()), input.size(1),
        heads};
    // The two backward passes of a probe are for few samples.
    const Attention attention = attend(heads_in, !stand_ins.empty());
    const Tensor& o = attention.output;
    const Tensor y =
        finished(o.mm(parameters[8].t()), parameters[9], x, Activation::none);
    variable_list saved = {
        x, heads_in.queries,   heads_in.keys,    heads_in.values,
        o, attention.log_sums, attention.weights};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["heads"] = heads;
    context->saved_data["recorded"] = !stand_ins.empty();
    return outputs(context, y.view_as(input), !stand_ins.empty(),
                   {n.view_as(input), o.view_as(input)});
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& d_outputs) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor* const parameters = &saved[7];
    const Tensor& like = d_outputs[0];
    const Tensor dy = as_matrix(like);
    const Attention attention = {saved[4], saved[5], saved[6]};
    const AttentionGradients of_heads =
        attend_backward({saved[1], saved[2], saved[3], like.size(1),
                         context->saved_data["heads"].toInt()},
                        attention, dy.mm(parameters[8]));
    const Tensor d[] = {of_heads.queries, of_heads.keys, of_heads.values, dy};
    const Tensor dn = d[0].mm(parameters[2])
                          .addmm_(d[1], parameters[4])
                          .addmm_(d[2], parameters[6]);

    variable_list stand_ins;
    if (context->saved_data["recorded"].toBool()) {
      stand_ins = {dn.view_as(like)};
      for (const Tensor& x : d) stand_ins.push_back(x.view_as(like));
    }
    variable_list all = gradients_of(norm_backward(dn, dy, x, parameters[0]), 4,
                                     std::move(stand_ins), like);
    Tensor n;
    const auto input = [&] {
      if (!n.defined()) n = normalised(x, parameters[0], parameters[1]);
      return n;
    };
    for (std::size_t i = 0; i < 3; ++i) {
      linear_gradients(*context, kLinear + 2 * i, d[i], input, all);
    }
    linear_gradients(
        *context, kLinear + 6, dy, [&] { return attention.output; }, all);
    all.emplace_back();  // heads
    return all;
  }
};

/// The parameters: norm, the first and the second linear layer.
class MlpBranch : public Function<MlpBranch> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& input,
                               at::TensorList parameters,
                               at::TensorList stand_ins) {
    const Tensor x = as_matrix(input);
    const Tensor n = normalised(x, parameters[0], parameters[1]);
    const Tensor product = n.mm(parameters[2].t());
    const Tensor a = finished(product, parameters[3], {}, Activation::gelu);
    const Tensor y =
        finished(a.mm(parameters[4].t()), parameters[5], x, Activation::none);
    variable_list saved = {x, product};
    saved.insert(saved.end(), parameters.begin(), parameters.end());
    context->save_for_backward(std::move(saved));
    context->saved_data["recorded"] = !stand_ins.empty();
    return outputs(context, y.view_as(input), !stand_ins.empty(),
                   {n.view_as(input), a.view({input.size(0), -1, a.size(1)})});
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& d_outputs) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &product = saved[1];
    const Tensor* const parameters = &saved[2];
    const Tensor& like = d_outputs[0];
    const Tensor dy = as_matrix(like);
    const Tensor d =
        gelu_backward(dy.mm(parameters[4]), product, parameters[3]);
    const Tensor dn = d.mm(parameters[2]);

    variable_list stand_ins;
    if (context->saved_data["recorded"].toBool()) {
      stand_ins = {dn.view_as(like), d.view({like.size(0), -1, d.size(1)}),
                   like};
    }
    variable_list all = gradients_of(norm_backward(dn, dy, x, parameters[0]), 2,
                                     std::move(stand_ins), like);
    linear_gradients(
        *context, kLinear, d,
        [&] { return normalised(x, parameters[0], parameters[1]); }, all);
    linear_gradients(
        *context, kLinear + 2, dy,
        [&] { return finished(product, parameters[3], {}, Activation::gelu); },
        all);
    return all;
  }

 private:
  /// Replaces `da`, the gradient of gelu(product + bias).
  static Tensor gelu_backward(const Tensor& da, const Tensor& product,
                              const Tensor& bias) {
    const Tensor sums = torch::empty({2, bias.size(0)}, torch::kDouble);
    const Tensor zero = torch::zeros_like(bias);
    const Tensor one = torch::ones_like(bias);
    kernels::affine_activation_backward(
        float_data(da), float_data(da), float_data(product), float_data(zero),
        float_data(one), float_data(bias), shape_of(product), Activation::gelu,
        {}, da.data_ptr<float>(), sums[0].data_ptr<double>(),
        sums[1].data_ptr<double>());
    return da;
  }
};

/// A layer, and the index of the function's output that is its input; 0 means
/// x.
struct Part {
  const Layer* layer;
  std::size_t input;
  std::int64_t features;  ///< of its output
};

variable_list stand_ins_of(const std::vector<Part>& parts, const Tensor& x) {
  variable_list stand_ins;
  if (!ProbeRecording::is_on()) return stand_ins;
  for (const Part& part : parts) {
    std::vector<std::int64_t> shape = x.sizes().vec();
    shape.back() = part.features;
    stand_ins.push_back(
        torch::empty(shape, x.options()).set_requires_grad(true));
  }
  return stand_ins;
}

/// y.
Tensor recorded(const std::vector<Part>& parts, const Tensor& x,
                const variable_list& stand_ins, const variable_list& outputs) {
  for (std::size_t i = 0; i < stand_ins.size(); ++i) {
    const std::size_t input = parts[i].input;
    parts[i].layer->record(input == 0 ? x : outputs[input], stand_ins[i]);
  }
  return outputs[0];
}

}  // namespace

Tensor attention_branch(const LayerNorm& norm, const SelfAttention& attention,
                        const Tensor& x) {
  if (!is_for_kernels(x)) return x + attention.forward(norm.forward(x));
  const std::int64_t width = x.size(-1);
  const Linear &q = *attention.queries, &k = *attention.keys,
               &v = *attention.values, &o = *attention.output_projection;
  const std::vector<Part> parts = {{&norm, 0, width},
                                   {&q, 1, width},
                                   {&k, 1, width},
                                   {&v, 1, width},
                                   {&o, 2, width}};
  const variable_list parameters = {norm.weight, norm.bias, q.weight, q.bias,
                                    k.weight,    k.bias,    v.weight, v.bias,
                                    o.weight,    o.bias};
  const variable_list stand_ins = stand_ins_of(parts, x);
  return recorded(
      parts, x, stand_ins,
      AttentionBranch::apply(x, at::TensorList(parameters),
                             at::TensorList(stand_ins), attention.heads));
}

Tensor mlp_branch(const LayerNorm& norm, const Linear& expand,
                  const Linear& contract, const Tensor& x) {
  if (!is_for_kernels(x)) {
    return x + contract.forward(torch::gelu(expand.forward(norm.forward(x))));
  }
  const std::int64_t width = x.size(-1);
  const std::vector<Part> parts = {{&norm, 0, width},
                                   {&expand, 1, expand.weight.size(0)},
                                   {&contract, 2, width}};
  const variable_list parameters = {norm.weight,     norm.bias,
                                    expand.weight,   expand.bias,
                                    contract.weight, contract.bias};
  const variable_list stand_ins = stand_ins_of(parts, x);
  return recorded(parts, x, stand_ins,
                  MlpBranch::apply(x, at::TensorList(parameters),
                                   at::TensorList(stand_ins)));
}

}  // namespace cape::models
