#include "models/norm_activation.h"

#include <algorithm>

#include "kernels/kernels.h"
#include "models/tensor_data.h"

namespace cape::models {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The rows of a matrix, or the pixels of images whose channels come last.
bool has_rows(const Tensor& x) {
  return (x.dim() == 2 && x.is_contiguous()) ||
         (x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast));
}

bool can_be_fused(const Tensor& x) { return is_for_kernels(x) && has_rows(x); }

kernels::Matrix rows_of(const Tensor& x) {
  return {x.numel() / x.size(1), x.size(1)};
}

/// A tensor in the layout of `like`.
Tensor laid_out(const Tensor& x, const Tensor& like) {
  return x.contiguous(like.dim() == 4 ? at::MemoryFormat::ChannelsLast
                                      : at::MemoryFormat::Contiguous);
}

/// A new key from Torch's default generator.
std::uint64_t draw_key() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

void update_running(const Tensor& running, const Tensor& observed,
                    double factor) {
  running.mul_(1 - BatchNorm::kMomentum)
      .add_(observed, BatchNorm::kMomentum * factor);
}

class NormActivation : public torch::autograd::Function<NormActivation> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x,
                        const Tensor& weight, const Tensor& bias,
                        const std::optional<Tensor>& residual,
                        const Tensor& running_mean, const Tensor& running_var,
                        std::int64_t activation, double dropout) {
    const kernels::Matrix shape = rows_of(x);
    const Tensor mean = torch::empty_like(weight);
    const Tensor variance = torch::empty_like(weight);
    kernels::column_moments(float_data(x), shape, mean.data_ptr<float>(),
                            variance.data_ptr<float>());
    const auto count = static_cast<double>(shape.rows);
    update_running(running_mean, mean, 1);
    update_running(running_var, variance, count / std::max(count - 1, 1.0));

    const Tensor deviation = (variance + BatchNorm::kEpsilon).rsqrt_();
    const Tensor scale = weight * deviation;
    const Tensor shift = torch::addcmul(bias, mean, scale, -1);
    const Tensor y = torch::empty_like(x);
    const kernels::Dropout drop = {static_cast<float>(dropout),
                                   dropout > 0 ? draw_key() : 0};
    const Tensor added = residual ? laid_out(*residual, x) : Tensor();
    kernels::affine_activation(
        float_data(x), float_data(added), float_data(scale), float_data(shift),
        shape, static_cast<Activation>(activation), drop, y.data_ptr<float>());

    context->save_for_backward({x, y, mean, deviation, scale, bias});
    context->saved_data["activation"] = activation;
    context->saved_data["dropout"] = dropout;
    context->saved_data["key"] = static_cast<std::int64_t>(drop.key);
    context->saved_data["residual"] = residual.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &y = saved[1], &mean = saved[2],
                 &deviation = saved[3], &scale = saved[4], &bias = saved[5];
    const kernels::Matrix shape = rows_of(x);
    const Tensor dy = laid_out(gradients[0], x);
    const Tensor d = torch::empty_like(x);
    const Tensor sums = torch::empty({2, shape.columns}, torch::kDouble);
    kernels::affine_activation_backward(
        float_data(dy), float_data(y), float_data(x), float_data(mean),
        float_data(scale), float_data(bias), shape,
        static_cast<Activation>(context->saved_data["activation"].toInt()),
        {static_cast<float>(context->saved_data["dropout"].toDouble()),
         static_cast<std::uint64_t>(context->saved_data["key"].toInt())},
        d.data_ptr<float>(), sums[0].data_ptr<double>(),
        sums[1].data_ptr<double>());
    const Tensor d_bias = sums[0].to(torch::kFloat);
    const Tensor d_weight = sums[1].to(torch::kFloat) * deviation;

    // dx = scale (d - mean of d - x^ mean of d x^), x^ = (x - mean) deviation
    const auto count = static_cast<double>(shape.rows);
    const Tensor of_x = scale * deviation * d_weight / -count;
    const Tensor constant = scale * d_bias / -count - of_x * mean;
    const bool residual = context->saved_data["residual"].toBool();
    const Tensor dx = residual ? torch::empty_like(x) : d;
    kernels::columns_combination(
        float_data(d), float_data(x), float_data(scale), float_data(of_x),
        float_data(constant), shape, dx.data_ptr<float>());
    return {dx,       d_weight, d_bias,   residual ? d : Tensor(),
            Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

/// The same in evaluation mode, where the statistics are constants and a probe
/// may be recording: gradients with respect to `stand_in` are those of norm(x).
class FixedNormActivation
    : public torch::autograd::Function<FixedNormActivation> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x,
                        const Tensor& scale, const Tensor& shift,
                        const std::optional<Tensor>& residual,
                        const std::optional<Tensor>& stand_in,
                        std::int64_t activation) {
    const Tensor y = torch::empty_like(x);
    const Tensor added = residual ? laid_out(*residual, x) : Tensor();
    kernels::affine_activation(float_data(x), float_data(added),
                               float_data(scale), float_data(shift), rows_of(x),
                               static_cast<Activation>(activation), {},
                               y.data_ptr<float>());
    context->save_for_backward({x, y, scale, shift});
    context->saved_data["activation"] = activation;
    context->saved_data["residual"] = residual.has_value();
    context->saved_data["stand_in"] = stand_in.has_value();
    return y;
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &y = saved[1], &scale = saved[2],
                 &shift = saved[3];
    const kernels::Matrix shape = rows_of(x);
    const Tensor dy = laid_out(gradients[0], x);
    const Tensor d = torch::empty_like(x);
    const Tensor zero = torch::zeros_like(scale);
    const Tensor sums = torch::empty({2, shape.columns}, torch::kDouble);
    kernels::affine_activation_backward(
        float_data(dy), float_data(y), float_data(x), float_data(zero),
        float_data(scale), float_data(shift), shape,
        static_cast<Activation>(context->saved_data["activation"].toInt()), {},
        d.data_ptr<float>(), sums[0].data_ptr<double>(),
        sums[1].data_ptr<double>());
    const Tensor dx = torch::empty_like(x);
    kernels::affine_activation(float_data(d), nullptr, float_data(scale),
                               float_data(zero), shape, Activation::none, {},
                               dx.data_ptr<float>());
    return {dx,
            sums[1].to(torch::kFloat),
            sums[0].to(torch::kFloat),
            context->saved_data["residual"].toBool() ? d : Tensor(),
            context->saved_data["stand_in"].toBool() ? d : Tensor(),
            Tensor()};
  }
};

std::optional<Tensor> if_defined(const Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

Tensor fixed_norm_activate(const BatchNorm& norm, const Tensor& input,
                           Activation activation, const Tensor& residual) {
  // The function gets weight and bias through these.
  const Tensor scale =
      norm.weight * (norm.running_var + BatchNorm::kEpsilon).rsqrt();
  const Tensor shift = torch::addcmul(norm.bias, norm.running_mean, scale, -1);
  Tensor stand_in;
  if (ProbeRecording::is_on()) {
    stand_in = torch::empty_like(input).set_requires_grad(true);
    norm.record(input, stand_in);
  }
  return FixedNormActivation::apply(input, scale, shift, if_defined(residual),
                                    if_defined(stand_in),
                                    static_cast<std::int64_t>(activation));
}

}  // namespace

Tensor activate(Activation activation, const Tensor& input) {
  switch (activation) {
    case Activation::relu:
      return torch::relu(input);
    case Activation::relu6:
      return torch::relu6(input);
    case Activation::gelu:
      return torch::gelu(input);
    case Activation::none:
      break;
  }
  return input;
}

Tensor norm_activate(const BatchNorm& norm, const Tensor& input,
                     Activation activation, const Tensor& residual,
                     double dropout) {
  if (can_be_fused(input) && norm.is_training() && !ProbeRecording::is_on()) {
    return NormActivation::apply(
        input, norm.weight, norm.bias, if_defined(residual), norm.running_mean,
        norm.running_var, static_cast<std::int64_t>(activation), dropout);
  }
  if (can_be_fused(input) && !norm.is_training()) {
    return fixed_norm_activate(norm, input, activation, residual);
  }
  Tensor x = norm.forward(input);
  if (residual.defined()) x = x + residual;
  return torch::dropout(activate(activation, x), dropout, norm.is_training());
}

}  // namespace cape::models
