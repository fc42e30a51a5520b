#include "trainer/kernel_regression.h"

#include <cmath>

#include "trainer/batch_features.h"

namespace cape::trainer {
namespace {

using datasets::Task;
using torch::Tensor;
using KernelLosses = trial::SetFeatures::KernelLosses;

/// Fewer samples in a half say nothing.
constexpr std::int64_t kFewestOfHalf = 8;

/// The numbers that the regression learns, samples x numbers: classes as zeros
/// and ones.
Tensor numbers_of(const Tensor& labels, Task task) {
  const Tensor columns = labels.to(torch::kCPU).reshape({labels.size(0), -1});
  if (task == Task::regression || task == Task::multilabel) {
    return columns.to(torch::kDouble);
  }
  return torch::one_hot(columns.to(torch::kLong))
      .reshape({labels.size(0), -1})
      .to(torch::kDouble);
}

Tensor squared_distances(const Tensor& a, const Tensor& b) {
  const Tensor squares =
      a.square().sum(1).unsqueeze(1) + b.square().sum(1).unsqueeze(0);
  return (squares - 2 * a.mm(b.t())).clamp_min(0);
}

/// Learns `y` of `x` and adds half of the losses to `sum`. Returns false where
/// there is nothing to learn.
bool add_half(const Tensor& x, const Tensor& y, const Tensor& other_x,
              const Tensor& other_y, KernelRegression& sum) {
  const Tensor distances = squared_distances(x, x);
  const Tensor width = distances.median();
  const Tensor mean = y.mean(0);
  const Tensor target = y - mean;
  const Tensor other_target = other_y - mean;
  const double scale = target.square().mean().item<double>();
  const double other_scale = other_target.square().mean().item<double>();
  const bool has_something =
      width.item<double>() > 0 && scale > 0 && other_scale > 0;
  if (!has_something) return false;
  const auto [values, vectors] =
      torch::linalg_eigh(torch::exp(-distances / width));
  // Those that are zero but for rounding learn nothing.
  const Tensor eigenvalues = values.clamp_min(1e-10);
  const Tensor shares = vectors.t().mm(target);
  const Tensor kernel = torch::exp(-squared_distances(other_x, x) / width);
  const Tensor longest = eigenvalues.max();
  for (std::size_t k = 0; k < sum.training.size(); ++k) {
    const double time = std::exp(trial::SetFeatures::kKernelTimes[k]);
    const Tensor left = torch::exp(-eigenvalues * time / longest);
    const Tensor weights =
        vectors.mm(((1 - left) / eigenvalues).unsqueeze(1) * shares);
    sum.training[k] +=
        (left.unsqueeze(1) * shares).square().mean().item<double>() / scale / 2;
    sum.held_out[k] +=
        (other_target - kernel.mm(weights)).square().mean().item<double>() /
        other_scale / 2;
  }
  return true;
}

}  // namespace

KernelRegression kernel_regression(const Tensor& inputs, const Tensor& labels,
                                   Task task) {
  const torch::NoGradGuard no_grad;
  const std::int64_t half = inputs.size(0) / 2;
  if (half < kFewestOfHalf) return {};
  const Tensor x =
      numbers_of_samples(inputs).to(torch::kCPU).to(torch::kDouble);
  if (!torch::isfinite(x).all().item<bool>()) return {};
  const Tensor y = numbers_of(labels, task);
  const auto of = [half](const Tensor& all, bool first) {
    return all.slice(0, first ? 0 : half, first ? half : 2 * half);
  };
  KernelRegression sum;
  sum.training.fill(0);
  sum.held_out.fill(0);
  for (const bool first : {true, false}) {
    if (!add_half(of(x, first), of(y, first), of(x, !first), of(y, !first),
                  sum)) {
      return {};
    }
  }
  return sum;
}

}  // namespace cape::trainer
