#include "models/initialize.h"

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

}  // namespace

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
