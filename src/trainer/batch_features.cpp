#include "trainer/batch_features.h"

#include <cmath>
#include <limits>
#include <vector>

namespace cape::trainer {
namespace {

using datasets::Task;
using torch::Tensor;

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

/// x - mean over the samples. Means are taken in double precision, in which
/// equal values have exactly their own value as the mean.
Tensor centred(const Tensor& x) {
  return x - x.mean(0, /*keepdim=*/false, torch::kDouble).to(x.scalar_type());
}

/// (sum of the eigenvalues)^2 / sum of their squares, 0 without any.
double effective_rank(const Tensor& gram) {
  const double trace = gram.diagonal().sum().item<double>();
  if (trace == 0) return 0;
  return trace * trace / gram.square().sum().item<double>();
}

/// The nearest other sample of each sample, of equally near ones the first.
Tensor nearest_neighbours(const Tensor& gram) {
  const std::int64_t samples = gram.size(0);
  const Tensor neighbours = torch::empty({samples}, torch::kLong);
  const auto products = gram.accessor<double, 2>();
  for (std::int64_t i = 0; i < samples; ++i) {
    double least = std::numeric_limits<double>::infinity();
    std::int64_t nearest = i == 0 ? 1 : 0;
    for (std::int64_t j = 0; j < samples; ++j) {
      // The squared distance but for the square of i itself.
      const double distance = products[j][j] - 2 * products[i][j];
      if (j == i || distance >= least) continue;
      least = distance;
      nearest = j;
    }
    neighbours[i] = nearest;
  }
  return neighbours;
}

/// Of classes, one for each sample: the share that agrees with the neighbour's,
/// on a scale where chance is 0 and all is 1. NaN if there is one class.
double class_agreement(const Tensor& classes, const Tensor& neighbours) {
  const auto samples = static_cast<double>(classes.numel());
  const Tensor counts = torch::bincount(classes).to(torch::kDouble);
  const double chance =
      (counts * (counts - 1)).sum().item<double>() / (samples * (samples - 1));
  if (chance == 1) return kUndefined;
  const double share = (classes == classes.index_select(0, neighbours))
                           .to(torch::kDouble)
                           .mean()
                           .item<double>();
  return (share - chance) / (1 - chance);
}

/// The same of numbers: 1 - mean squared difference / what chance gives.
double number_agreement(const Tensor& targets, const Tensor& neighbours) {
  const double variance = targets.var().item<double>();
  if (variance == 0) return kUndefined;
  const Tensor differences = targets - targets.index_select(0, neighbours);
  return 1 - differences.square().mean().item<double>() / (2 * variance);
}

double neighbour_agreement(const Tensor& gram, const Tensor& labels,
                           Task task) {
  if (gram.size(0) < 2) return kUndefined;
  const Tensor neighbours = nearest_neighbours(gram);
  if (task == Task::regression) {
    return number_agreement(labels.to(torch::kDouble), neighbours);
  }
  // The mean over the labels of a sample: one, one a step, or one a label.
  const Tensor columns = labels.view({labels.size(0), -1}).to(torch::kLong);
  double sum = 0;
  int defined = 0;
  for (std::int64_t c = 0; c < columns.size(1); ++c) {
    const double agreement =
        class_agreement(columns.select(1, c).contiguous(), neighbours);
    if (std::isnan(agreement)) continue;
    sum += agreement;
    ++defined;
  }
  return defined == 0 ? kUndefined : sum / defined;
}

}  // namespace

Tensor numbers_of_samples(const Tensor& inputs) {
  const Tensor rows = inputs.reshape({inputs.size(0), -1});
  if (rows.is_floating_point()) return rows;
  const Tensor tokens = rows.remainder(kTokenCounts);
  const Tensor counts =
      torch::zeros({tokens.size(0), tokens.max().item<std::int64_t>() + 1},
                   tokens.options().dtype(torch::kDouble));
  return counts.scatter_add(1, tokens,
                            torch::ones_like(tokens, counts.options()));
}

trial::BatchFeatures batch_features(const Tensor& inputs, const Tensor& labels,
                                    Task task) {
  const torch::NoGradGuard no_grad;
  const Tensor x = numbers_of_samples(inputs);
  const auto numbers = static_cast<double>(x.numel());
  const auto features = static_cast<double>(x.size(1));
  trial::BatchFeatures result;
  const double rms =
      x.norm(2, torch::kDouble).item<double>() / std::sqrt(numbers);
  if (!std::isfinite(rms)) return result;
  // Tokens have no size.
  if (inputs.is_floating_point()) result.input_rms = rms;
  result.constant_inputs =
      (x.amax(0) == x.amin(0)).sum().item<double>() / features;
  const Tensor deviations = centred(x);
  const Tensor gram =
      deviations.mm(deviations.t()).to(torch::kDouble).to(torch::kCPU);
  const double rank = effective_rank(gram);
  if (!std::isfinite(rank)) return result;  // squares that are too large
  result.effective_rank = rank;
  // Counts are often equally far from each other, which only whole numbers
  // show.
  const Tensor products =
      inputs.is_floating_point() ? gram : x.mm(x.t()).to(torch::kCPU);
  result.neighbour_agreement =
      neighbour_agreement(products, labels.to(torch::kCPU), task);
  return result;
}

}  // namespace cape::trainer
