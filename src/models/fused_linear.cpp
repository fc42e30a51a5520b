#include "models/fused_linear.h"

#include "models/kernels.h"

namespace cape::models {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool can_be_fused(const Linear& linear, const Tensor& input) {
  return linear.is_training() && !linear.is_recorded() && input.is_cpu() &&
         input.scalar_type() == torch::kFloat;
}

/// ... x features -> rows x features.
Tensor rows_of(const Tensor& x) { return x.reshape({-1, x.size(-1)}); }

/// The shape of `like` with another number of features.
std::vector<std::int64_t> with_features(const Tensor& like,
                                        std::int64_t features) {
  std::vector<std::int64_t> shape = like.sizes().vec();
  shape.back() = features;
  return shape;
}

/// y = activation(product + bias + residual) row by row.
Tensor finished(const Tensor& product, const Tensor& bias,
                const Tensor& residual, Activation activation) {
  const Tensor y = torch::empty_like(product);
  const Tensor scale = torch::ones_like(bias);
  kernels::affine_activation(
      product.const_data_ptr<float>(),
      residual.defined() ? residual.const_data_ptr<float>() : nullptr,
      scale.const_data_ptr<float>(), bias.const_data_ptr<float>(),
      {product.size(0), product.size(1)}, activation, {}, y.data_ptr<float>());
  return y;
}

class LinearGelu : public torch::autograd::Function<LinearGelu> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input,
                        const Tensor& weight, const Tensor& bias) {
    const Tensor x = rows_of(input);
    const Tensor product = torch::mm(x, weight.t());
    context->save_for_backward({x, weight, bias, product});
    return finished(product, bias, {}, Activation::gelu)
        .view(with_features(input, weight.size(0)));
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &bias = saved[2],
                 &product = saved[3];
    const Tensor dy = rows_of(gradients[0]).contiguous();
    const Tensor d = torch::empty_like(product);
    const Tensor sums = torch::empty({2, bias.size(0)}, torch::kDouble);
    const Tensor zero = torch::zeros_like(bias);
    const Tensor one = torch::ones_like(bias);
    kernels::affine_activation_backward(
        dy.const_data_ptr<float>(), dy.const_data_ptr<float>(),
        product.const_data_ptr<float>(), zero.const_data_ptr<float>(),
        one.const_data_ptr<float>(), bias.const_data_ptr<float>(),
        {d.size(0), d.size(1)}, Activation::gelu, {}, d.data_ptr<float>(),
        sums[0].data_ptr<double>(), sums[1].data_ptr<double>());
    const auto shape = with_features(gradients[0], weight.size(1));
    return {torch::mm(d, weight).view(shape), torch::mm(d.t(), x),
            sums[0].to(torch::kFloat)};
  }
};

class LinearAdd : public torch::autograd::Function<LinearAdd> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& input,
                        const Tensor& weight, const Tensor& bias,
                        const Tensor& residual) {
    const Tensor x = rows_of(input);
    context->save_for_backward({x, weight});
    return finished(torch::mm(x, weight.t()), bias,
                    rows_of(residual).contiguous(), Activation::none)
        .view(with_features(input, weight.size(0)));
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const Tensor dy = rows_of(gradients[0]);
    const auto shape = with_features(gradients[0], weight.size(1));
    return {torch::mm(dy, weight).view(shape), torch::mm(dy.t(), x), dy.sum(0),
            gradients[0]};
  }
};

}  // namespace

Tensor linear_gelu(const Linear& linear, const Tensor& input) {
  if (!can_be_fused(linear, input)) return torch::gelu(linear.forward(input));
  return LinearGelu::apply(input, linear.weight, linear.bias);
}

Tensor linear_add(const Linear& linear, const Tensor& input,
                  const Tensor& residual) {
  if (!can_be_fused(linear, input)) return residual + linear.forward(input);
  return LinearAdd::apply(input, linear.weight, linear.bias, residual);
}

}  // namespace cape::models
