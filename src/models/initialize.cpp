#include "models/initialize.h"

#include <torch/nn/init.h>

#include <cmath>

namespace cape::models {
namespace {

double sqrt_of_ratio(double numerator, std::int64_t denominator) {
  return std::sqrt(numerator / static_cast<double>(denominator));
}

void fill_normal(const torch::Tensor& tensor, double deviation) {
  const torch::NoGradGuard no_grad;
  tensor.normal_(0, deviation);
}

void fill_uniform(const torch::Tensor& tensor, double bound) {
  const torch::NoGradGuard no_grad;
  tensor.uniform_(-bound, bound);
}

void fill_zero(const torch::Tensor& tensor) {
  const torch::NoGradGuard no_grad;
  tensor.zero_();
}

std::int64_t fan_in(const Conv2d& convolution) {
  return convolution.weight.numel() / convolution.weight.size(0);
}

/// A weight, outputs x ..., as torch.nn.init does it.
void draw(zoo::Initialization how, const torch::Tensor& weight) {
  const std::int64_t outputs = weight.size(0);
  const std::int64_t inputs = weight.numel() / outputs;
  // Of a convolution's window.
  const std::int64_t area = inputs / weight.size(1);
  switch (how) {
    case zoo::Initialization::torch:
      return fill_uniform(weight, sqrt_of_ratio(1, inputs));
    case zoo::Initialization::xavier:
      return fill_normal(weight, sqrt_of_ratio(2, inputs + outputs * area));
    case zoo::Initialization::kaiming:
      return fill_normal(weight, sqrt_of_ratio(2, inputs));
    case zoo::Initialization::orthogonal: {
      const torch::NoGradGuard no_grad;
      const torch::Tensor matrix =
          torch::nn::init::orthogonal_(torch::empty({outputs, inputs}));
      weight.copy_(matrix.view(weight.sizes()));
    }
  }
}

/// The bias of a weight with this fan-in.
void draw_bias(zoo::Initialization how, const torch::Tensor& bias,
               std::int64_t inputs) {
  if (!bias.defined()) return;
  if (how == zoo::Initialization::torch) {
    fill_uniform(bias, sqrt_of_ratio(1, inputs));
  } else {
    fill_zero(bias);
  }
}

template <class AnyLayer>
void draw_layer(zoo::Initialization how, const AnyLayer& layer) {
  draw(how, layer.weight);
  draw_bias(how, layer.bias, layer.weight.numel() / layer.weight.size(0));
}

}  // namespace

void initialize(zoo::Initialization how, Linear& linear) {
  draw_layer(how, linear);
}

void initialize(zoo::Initialization how, Conv2d& convolution) {
  draw_layer(how, convolution);
}

void initialize(zoo::Initialization how, Conv1d& convolution) {
  draw_layer(how, convolution);
}

void initialize_recurrent(zoo::Initialization how, Linear& projection,
                          std::int64_t gates) {
  if (how == zoo::Initialization::torch) {
    return torch_default_recurrent(projection,
                                   projection.weight.size(0) / gates);
  }
  for (const torch::Tensor& gate : projection.weight.detach().chunk(gates)) {
    draw(how, gate);
  }
  fill_zero(projection.bias);
}

void initialize(zoo::Initialization how, SelfAttention& attention) {
  if (how == zoo::Initialization::torch) return attention_default(attention);
  for (Linear* projection :
       {attention.queries.get(), attention.keys.get(), attention.values.get(),
        attention.output_projection.get()}) {
    initialize(how, *projection);
  }
}

void xavier_normal(Linear& linear) {
  const torch::Tensor& weight = linear.weight;
  fill_normal(weight, sqrt_of_ratio(2, weight.size(0) + weight.size(1)));
  fill_zero(linear.bias);
}

void kaiming_normal(Linear& linear) {
  fill_normal(linear.weight, sqrt_of_ratio(2, linear.weight.size(1)));
  fill_zero(linear.bias);
}

void kaiming_normal(Conv2d& convolution) {
  fill_normal(convolution.weight, sqrt_of_ratio(2, fan_in(convolution)));
  if (convolution.bias.defined()) fill_zero(convolution.bias);
}

void torch_default(Linear& linear) {
  const double bound = sqrt_of_ratio(1, linear.weight.size(1));
  fill_uniform(linear.weight, bound);
  fill_uniform(linear.bias, bound);
}

void torch_default(Conv2d& convolution) {
  const double bound = sqrt_of_ratio(1, fan_in(convolution));
  fill_uniform(convolution.weight, bound);
  if (convolution.bias.defined()) fill_uniform(convolution.bias, bound);
}

void torch_default_recurrent(Linear& projection, std::int64_t hidden) {
  const double bound = sqrt_of_ratio(1, hidden);
  fill_uniform(projection.weight, bound);
  fill_uniform(projection.bias, bound);
}

void small_normal(LearnedTensor& tensor) { fill_normal(tensor.value, 0.02); }

void attention_default(SelfAttention& attention) {
  const std::int64_t width = attention.queries->weight.size(0);
  for (Linear* projection : {attention.queries.get(), attention.keys.get(),
                             attention.values.get()}) {
    fill_uniform(projection->weight, sqrt_of_ratio(6, width + 3 * width));
    fill_zero(projection->bias);
  }
  Linear& output = *attention.output_projection;
  fill_uniform(output.weight, sqrt_of_ratio(1, width));
  fill_zero(output.bias);
}

}  // namespace cape::models
