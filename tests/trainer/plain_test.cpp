/// The networks, the probe and the training of the farm against the published
/// procedure in LibTorch's stock modules: tests/plain.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "models/torch.h"
#include "plain/lists.h"
#include "plain/procedure.h"
#include "trainer/probe.h"
#include "trainer/support.h"
#include "trainer/training.h"

namespace cape::trainer {
namespace {

struct PlainCase {
  zoo::Architecture architecture;
  std::int64_t batch;
  std::vector<std::int64_t> sample = {1, 28, 28};
};

/// Names the test for ctest.
void PrintTo(const PlainCase& one, std::ostream* out) {
  *out << zoo::short_name(one.architecture);
}

std::string test_name(const testing::TestParamInfo<PlainCase>& instance) {
  std::string name = zoo::short_name(instance.param.architecture);
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name + "_" + std::to_string(instance.index);
}

const std::vector<std::int64_t> kColoured = {3, 32, 32};

/// Without dropout, small.
std::vector<PlainCase> small_cases() {
  using namespace zoo;
  return {
      {Mlp{.layers = 2, .width = 32, .dropout = 0}, 32},
      {Mlp{.layers = 3, .width = 64, .batch_norm = false, .dropout = 0}, 32},
      {Mlp{.layers = 2,
           .width = 64,
           .activation = Activation::relu,
           .dropout = 0},
       32},
      {VggLite{.base = 8, .convolutions = {2, 1, 1}, .pool = true}, 32},
      {ResnetMini{.base = 8, .blocks = 2}, 8},
      {MobilenetMini{.width = 0.5, .stem = 16, .blocks = 2}, 4},
      {Lstm{.layers = 1, .hidden = 48}, 32},
      {Lstm{.layers = 2, .hidden = 32, .bidirectional = true}, 32},
      {Gru{.layers = 1, .hidden = 48}, 32},
      {Gru{.layers = 2, .hidden = 32, .bidirectional = true}, 32},
      {Cct{.width = 32, .depth = 2, .heads = 2}, 4},
      {Vit{.width = 48, .depth = 2}, 16},
      {Pit{.width = 24, .depth = 1}, 16}};
}

/// Of the published samplers.
std::vector<PlainCase> full_size_cases() {
  using namespace zoo;
  return {{Mlp{.layers = 4, .width = 512, .dropout = 0}, 64, kColoured},
          {VggLite{.base = 64, .convolutions = {2, 1, 1}}, 4, kColoured},
          {ResnetMini{.base = 32}, 4},
          {MobilenetMini{.width = 0.75, .stem = 32, .blocks = 3}, 2, kColoured},
          {Lstm{.layers = 2, .hidden = 256, .bidirectional = true}, 4},
          {Gru{.layers = 1, .hidden = 256}, 4},
          {Cct{}, 2},
          {Vit{}, 2},
          {Pit{}, 4}};
}

std::vector<PlainCase> all_cases() {
  std::vector<PlainCase> all = small_cases();
  for (PlainCase& full : full_size_cases()) all.push_back(std::move(full));
  for (zoo::Sequential& list : plain::lists_for_images()) {
    all.push_back({std::move(list), 16});
  }
  return all;
}

std::vector<PlainCase> all_but_cct() {
  std::vector<PlainCase> all = all_cases();
  std::erase_if(all, [](const PlainCase& one) {
    return std::holds_alternative<zoo::Cct>(one.architecture);
  });
  return all;
}

/// Both networks from the same weights, and a batch of noise.
class PlainTest : public testing::TestWithParam<PlainCase> {
 protected:
  void SetUp() override {
    const auto& [architecture, batch, sample] = GetParam();
    ours_ = build();
    plain_ = make_plain();
    const auto shape = zoo::input_shape(architecture, sample);
    batch_ = {torch::randn({batch, shape[0], shape[1], shape[2]}),
              torch::arange(batch) % 10};
  }

  /// Of the two networks' logits, relative to the largest.
  double difference() {
    const torch::Tensor expected = plain_->forward(batch_.inputs);
    const torch::Tensor logits = ours_->forward(batch_.inputs);
    return ((logits - expected).abs().max() / expected.abs().max())
        .item<double>();
  }

  /// Of the loss in training mode, all parameters' end to end.
  torch::Tensor gradient_of_ours() const {
    differentiate(*ours_);
    return flat(ours_->parameters());
  }
  torch::Tensor gradient_of_plain() const {
    differentiate(*plain_);
    return flat(plain_->weights());
  }

  /// Of twenty steps from the same weights, in this precision.
  std::vector<double> losses_of_ours(
      torch::ScalarType type,
      const trial::Optimizer& optimizer = trial::AdamW{}) const {
    const auto model = build();
    model->to(type);
    Training training(*model, optimizer, 1e-3);
    return losses(training, batch_in(type));
  }
  std::vector<double> losses_of_plain(
      torch::ScalarType type,
      const trial::Optimizer& optimizer = trial::AdamW{}) const {
    const auto model = make_plain();
    model->to(type);
    plain::PlainTraining training(*model, optimizer, 1e-3);
    return losses(training, batch_in(type));
  }

  std::shared_ptr<models::Model> ours_;
  std::shared_ptr<plain::PlainModel> plain_;
  TrialBatch batch_;

 private:
  static std::shared_ptr<models::Model> build() {
    torch::manual_seed(3);
    return models::build(GetParam().architecture, GetParam().sample, 10);
  }

  static std::shared_ptr<plain::PlainModel> make_plain() {
    auto model =
        plain::make_plain(GetParam().architecture, GetParam().sample, 10);
    plain::copy_weights(*build(), *model);
    return model;
  }

  TrialBatch batch_in(torch::ScalarType type) const {
    return {batch_.inputs.to(type), batch_.labels};
  }

  /// Leaves every parameter's gradient in its place.
  template <class AnyModel>
  void differentiate(AnyModel& model) const {
    torch::cross_entropy_loss(model.forward(batch_.inputs), batch_.labels)
        .backward();
    const torch::NoGradGuard no_grad;
    for (torch::Tensor& parameter : model.parameters()) {
      parameter.copy_(parameter.grad());
    }
  }

  static torch::Tensor flat(const std::vector<torch::Tensor>& tensors) {
    std::vector<torch::Tensor> all;
    for (const torch::Tensor& tensor : tensors) {
      all.push_back(tensor.detach().reshape(-1));
    }
    return torch::cat(all);
  }

  static double number(const torch::Tensor& loss) {
    return loss.item<double>();
  }
  static double number(double loss) { return loss; }

  template <class Steps>
  static std::vector<double> losses(Steps& training, const TrialBatch& batch) {
    std::vector<double> all;
    for (int t = 0; t < 20; ++t) {
      all.push_back(number(training.loss(batch)));
      training.update();
    }
    return all;
  }
};

/// Relative to `expected`; infinite where a value or what is expected is not
/// finite.
double largest_difference(const std::vector<double>& values,
                          const std::vector<double>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(values[i] / expected[i] - 1);
    if (!std::isfinite(difference)) return INFINITY;
    largest = std::max(largest, difference);
  }
  return largest;
}

TEST_P(PlainTest, GivesTheSameLogits) {
  EXPECT_LT(difference(), 1e-5);
  ours_->eval();
  plain_->eval();
  EXPECT_LT(difference(), 1e-5);
}

TEST_P(PlainTest, GivesTheSameLossesInTraining) {
  EXPECT_LT(largest_difference(losses_of_ours(torch::kDouble),
                               losses_of_plain(torch::kDouble)),
            1e-9);
}

/// Every optimizer, each of its settings other than by default.
const std::vector<trial::Optimizer> kOptimizers = {
    trial::AdamW{.weight_decay = 0.1},
    trial::Adam{.weight_decay = 0},
    trial::Adam{.weight_decay = 0.1},
    trial::Sgd{.momentum = 0, .weight_decay = 0},
    trial::Sgd{.momentum = 0.9, .weight_decay = 0.01},
    trial::Sgd{.momentum = 0.5, .nesterov = true, .weight_decay = 0.01}};

// In double, so that what Adam magnifies of rounding does not count.
// The update knows nothing of the network, so two small ones are enough.
class OptimizerTest : public PlainTest {};

TEST_P(OptimizerTest, GivesTheLossesOfTheStockOptimizer) {
  for (const trial::Optimizer& optimizer : kOptimizers) {
    const auto losses = losses_of_ours(torch::kDouble, optimizer);
    EXPECT_LT(
        largest_difference(losses, losses_of_plain(torch::kDouble, optimizer)),
        1e-9)
        << trial::name_of(optimizer);
    EXPECT_NE(losses.back(), losses_of_ours(torch::kDouble).back())
        << trial::name_of(optimizer) << " counts for nothing";
  }
}

// What the next test cannot see where AdamW magnifies rounding. In a ResNet
// with this seed the input of a ReLU is so near to nothing that rounding takes
// its side, ours or LibTorch's.
TEST_P(PlainTest, GivesTheSameGradientInFloat) {
  const torch::Tensor expected = gradient_of_plain();
  const torch::Tensor found = gradient_of_ours();
  const bool resnet =
      std::holds_alternative<zoo::ResnetMini>(GetParam().architecture);
  EXPECT_LT(((found - expected).norm() / expected.norm()).item<double>(),
            resnet ? 1e-2 : 1e-5);
}

// AdamW magnifies rounding where a gradient is about nothing. Convolutional
// networks have many such: their losses differ by up to 6e-3 after twenty steps
// in double, too, from weights that are moved by 1e-7.
TEST_P(PlainTest, GivesTheSameLossesInTrainingInFloat) {
  const std::string family = zoo::family(GetParam().architecture);
  const bool cnn = family == "cnn" || family == "sequential";
  EXPECT_LT(largest_difference(losses_of_ours(torch::kFloat),
                               losses_of_plain(torch::kFloat)),
            cnn ? 2e-2 : 1e-4);
}

// The stock BatchNorm of LibTorch 2.11 has wrong gradients in evaluation mode
// for a single sample whose output gradient comes permuted, as in a CCT.
class PlainProbeTest : public PlainTest {};

TEST_P(PlainProbeTest, GivesTheSameProbe) {
  const trial::ProbeResult expected =
      plain::probe_by_plain_loop(*plain_, batch_.inputs, batch_.labels);
  const trial::ProbeResult result = probe(*ours_, batch_.inputs, batch_.labels);
  EXPECT_NEAR(result.g2, expected.g2, 1e-4 * expected.g2);
  EXPECT_NEAR(result.tau, expected.tau, 1e-4 * expected.tau);
}

/// g2 of the stock network from pairs of one sample, which that does not hit.
double g2_from_pairs(plain::PlainModel& model, const TrialBatch& batch) {
  model.eval();
  double sum = 0;
  for (std::int64_t i = 0; i < batch.labels.size(0); ++i) {
    const auto pair = [i](const torch::Tensor& x) {
      return torch::stack({x[i], x[i]});
    };
    const auto gradients = torch::autograd::grad(
        {torch::cross_entropy_loss(model.forward(pair(batch.inputs)),
                                   pair(batch.labels))},
        model.parameters());
    for (const torch::Tensor& gradient : gradients) {
      sum += gradient.square().sum(torch::kDouble).item<double>();
    }
  }
  return sum / static_cast<double>(batch.labels.size(0));
}

TEST_P(PlainTest, GivesTheG2OfPairs) {
  const double expected = g2_from_pairs(*plain_, batch_);
  const trial::ProbeResult result = probe(*ours_, batch_.inputs, batch_.labels);
  EXPECT_NEAR(result.g2, expected, 1e-4 * expected);
}

INSTANTIATE_TEST_SUITE_P(Zoo, PlainTest, testing::ValuesIn(all_cases()),
                         test_name);
INSTANTIATE_TEST_SUITE_P(Zoo, PlainProbeTest, testing::ValuesIn(all_but_cct()),
                         test_name);

INSTANTIATE_TEST_SUITE_P(
    Zoo, OptimizerTest,
    testing::Values(
        PlainCase{zoo::Mlp{.layers = 2, .width = 32, .dropout = 0}, 16},
        PlainCase{zoo::Gru{.hidden = 32, .bidirectional = true}, 16}),
    test_name);

class ProcedureTest : public testing::TestWithParam<PlainCase> {};

TEST_P(ProcedureTest, GivesTheSameStepsToConvergence) {
  trial::TrialTask task = small_task();
  task.architecture = GetParam().architecture;
  task.batch_size = GetParam().batch;
  const datasets::Dataset dataset = noise_dataset();
  const trial::TrialResult result =
      run_trajectory(task, dataset, torch::kCPU, losses_per_sync(torch::kCPU));
  const auto rows = plain::published_procedure(task, dataset);
  ASSERT_EQ(rows.size(), result.outcomes.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(trial::epsilon_of(result.outcomes[i].criterion), rows[i].epsilon);
    EXPECT_TRUE(rows[i].converged);
    EXPECT_TRUE(result.outcomes[i].converged());
    EXPECT_LE(std::abs(result.outcomes[i].t_star - rows[i].t_star), 1)
        << result.outcomes[i].t_star << " and " << rows[i].t_star;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, ProcedureTest,
    testing::Values(
        PlainCase{zoo::Mlp{.layers = 2, .width = 32, .dropout = 0}, 16},
        PlainCase{zoo::VggLite{.base = 8, .pool = true}, 16},
        PlainCase{zoo::ResnetMini{.base = 8}, 16},
        PlainCase{zoo::MobilenetMini{.stem = 16, .blocks = 2}, 16},
        PlainCase{zoo::Lstm{.layers = 1, .hidden = 48}, 16},
        PlainCase{zoo::Gru{.hidden = 32, .bidirectional = true}, 16},
        PlainCase{zoo::Vit{.patch = 8, .width = 48, .depth = 2}, 16},
        PlainCase{zoo::Cct{.width = 16, .depth = 1, .heads = 2}, 8},
        PlainCase{zoo::Pit{.patch = 8, .width = 24, .depth = 1}, 16},
        PlainCase{plain::lists_for_images().front(), 16}),
    test_name);

}  // namespace
}  // namespace cape::trainer
