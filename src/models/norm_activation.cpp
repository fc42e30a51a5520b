#include "models/norm_activation.h"

#include "models/kernels.h"

namespace cape::models {
namespace {

using torch::Tensor;

/// The rows of a matrix, or the pixels of images whose channels come last.
bool has_rows(const Tensor& x) {
  return (x.dim() == 2 && x.is_contiguous()) ||
         (x.dim() == 4 && x.is_contiguous(at::MemoryFormat::ChannelsLast));
}

bool can_be_fused(const BatchNorm& norm, const Tensor& x) {
  return norm.is_training() && x.is_cpu() && x.scalar_type() == torch::kFloat &&
         has_rows(x);
}

kernels::Matrix rows_of(const Tensor& x) {
  return {x.numel() / x.size(1), x.size(1)};
}

/// In the layout of `like`.
Tensor laid_out(const Tensor& x, const Tensor& like) {
  return x.contiguous(like.suggest_memory_format());
}

const float* data(const Tensor& x) {
  return x.defined() ? x.const_data_ptr<float>() : nullptr;
}

/// A fresh key from Torch's default generator.
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
  static Tensor forward(torch::autograd::AutogradContext* context,
                        const Tensor& x, const Tensor& weight,
                        const Tensor& bias,
                        const std::optional<Tensor>& residual,
                        const Tensor& running_mean, const Tensor& running_var,
                        std::int64_t activation, double dropout) {
    const kernels::Matrix shape = rows_of(x);
    const Tensor mean = torch::empty_like(weight);
    const Tensor variance = torch::empty_like(weight);
    kernels::column_moments(data(x), shape, mean.data_ptr<float>(),
                            variance.data_ptr<float>());
    const auto count = static_cast<double>(shape.rows);
    update_running(running_mean, mean, 1);
    update_running(running_var, variance, count / (count - 1));

    const Tensor deviation = (variance + BatchNorm::kEpsilon).rsqrt_();
    const Tensor scale = weight * deviation;
    const Tensor shift = torch::addcmul(bias, mean, scale, -1);
    const Tensor y = torch::empty_like(x);
    const kernels::Dropout drop = {static_cast<float>(dropout),
                                   dropout > 0 ? draw_key() : 0};
    const Tensor added = residual ? laid_out(*residual, x) : Tensor();
    kernels::affine_activation(data(x), data(added), data(scale), data(shift),
                               shape, static_cast<Activation>(activation), drop,
                               y.data_ptr<float>());

    context->save_for_backward({x, y, mean, deviation, scale, bias});
    context->saved_data["activation"] = activation;
    context->saved_data["dropout"] = dropout;
    context->saved_data["key"] = static_cast<std::int64_t>(drop.key);
    context->saved_data["residual"] = residual.has_value();
    return y;
  }

  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &y = saved[1], &mean = saved[2],
                 &deviation = saved[3], &scale = saved[4], &bias = saved[5];
    const kernels::Matrix shape = rows_of(x);
    const Tensor dy = laid_out(gradients[0], x);
    const Tensor d = torch::empty_like(x);
    const Tensor sums = torch::empty({2, shape.columns}, torch::kDouble);
    kernels::affine_activation_backward(
        data(dy), data(y), data(x), data(mean), data(scale), data(bias), shape,
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
    kernels::columns_combination(data(d), data(x), data(scale), data(of_x),
                                 data(constant), shape, dx.data_ptr<float>());
    return {dx,       d_weight, d_bias,   residual ? d : Tensor(),
            Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

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
  if (can_be_fused(norm, input)) {
    return NormActivation::apply(
        input, norm.weight, norm.bias,
        residual.defined() ? std::optional(residual) : std::nullopt,
        norm.running_mean, norm.running_var,
        static_cast<std::int64_t>(activation), dropout);
  }
  Tensor x = norm.forward(input);
  if (residual.defined()) x = x + residual;
  return torch::dropout(activate(activation, x), dropout, norm.is_training());
}

}  // namespace cape::models
