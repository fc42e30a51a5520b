// The probe in training mode without dropout, against a plain loop with stock
// modules, and what it must leave as it was.

#include "trainer/training_mode_probe.h"

#include <gtest/gtest.h>
#include <torch/nn/modules/dropout.h>
#include <torch/script.h>

#include <cmath>

#include "models/build.h"
#include "plain/model.h"
#include "trainer/probe.h"
#include "trainer/support.h"
#include "trainer/trajectory.h"
#include "zoo/torchscript.h"

namespace cape::trainer {
namespace {

using torch::Tensor;

const std::vector<std::int64_t> kImage = {1, 28, 28};
constexpr double kLearningRate = 1e-3;
const trial::Optimizer kSgd =
    trial::Sgd{.momentum = 0.9, .nesterov = true, .weight_decay = 0.1};

trial::TrainingModeProbe probed(
    models::Model& model, const TrialBatch& batch,
    const trial::Optimizer& optimizer = trial::AdamW{.weight_decay = 0.1},
    double learning_rate = kLearningRate) {
  return probe(model, batch.inputs, batch.labels, learning_rate, batch.task,
               optimizer)
      .extended.value()
      .training_mode;
}

/// The same by definition; `step` makes a gradient the optimizer's first step.
trial::TrainingModeProbe expected_probe(
    plain::PlainModel& model, const TrialBatch& batch,
    const std::function<Tensor(const Tensor&)>& step) {
  model.train();
  for (const auto& module : model.modules()) {
    if (module->as<torch::nn::Dropout>() != nullptr) module->eval();
  }
  const auto loss = [&] {
    return torch::nn::functional::cross_entropy(model.forward(batch.inputs),
                                                batch.labels);
  };
  const auto parameters = model.parameters();
  const Tensor start = loss();
  const auto gradients = torch::autograd::grad({start}, parameters);
  trial::TrainingModeProbe result;
  result.loss = start.item<double>();
  result.mean_g2 = result.gradient_l1 = 0;
  for (const Tensor& gradient : gradients) {
    result.mean_g2 += gradient.square().sum(torch::kDouble).item<double>();
    result.gradient_l1 += gradient.abs().sum(torch::kDouble).item<double>();
  }
  const torch::NoGradGuard no_grad;
  int taken = 0;
  for (std::size_t k = 0; k < result.step_losses.size(); ++k) {
    for (; taken < (1 << k); ++taken) {
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        parameters[p].sub_(kLearningRate * step(gradients[p]));
      }
    }
    result.step_losses[k] = (loss() / start).item<double>();
  }
  result.dropout = 0;
  return result;
}

void expect_near(const trial::TrainingModeProbe& found,
                 const trial::TrainingModeProbe& expected, double tolerance,
                 double tolerance_of_steps) {
  EXPECT_NEAR(found.loss / expected.loss, 1, tolerance);
  EXPECT_NEAR(found.mean_g2 / expected.mean_g2, 1, tolerance);
  EXPECT_NEAR(found.gradient_l1 / expected.gradient_l1, 1, tolerance);
  for (std::size_t k = 0; k < found.step_losses.size(); ++k) {
    EXPECT_NEAR(found.step_losses[k], expected.step_losses[k],
                tolerance_of_steps)
        << k;
  }
  EXPECT_EQ(found.dropout, expected.dropout);
}

class TrainingModeProbeTest : public testing::TestWithParam<zoo::Architecture> {
 protected:
  void SetUp() override {
    torch::manual_seed(7);
    model_ = models::build(GetParam(), kImage, 10);
    plain_ = plain::make_plain(GetParam(), kImage, 10);
    plain::copy_weights(*model_, *plain_);
    const auto shape = zoo::input_shape(GetParam(), kImage);
    // More than a network takes at once in evaluation mode.
    batch_ = {torch::randn({20, shape[0], shape[1], shape[2]}) * 2 + 1,
              torch::arange(20) % 10};
  }

  void to_double() {
    model_->to(torch::kDouble);
    plain_->to(torch::kDouble);
    batch_.inputs = batch_.inputs.to(torch::kDouble);
  }

  std::shared_ptr<models::Model> model_;
  std::shared_ptr<plain::PlainModel> plain_;
  TrialBatch batch_;
};

TEST_P(TrainingModeProbeTest, IsThatOfStockModules) {
  to_double();
  const trial::TrainingModeProbe found = probed(*model_, batch_);
  expect_near(
      found,
      expected_probe(*plain_, batch_, [](const Tensor& g) { return g.sign(); }),
      1e-9, 1e-6);
}

TEST_P(TrainingModeProbeTest, StepsAlongTheGradientWithSgd) {
  to_double();
  const trial::TrainingModeProbe found = probed(*model_, batch_, kSgd);
  expect_near(
      found, expected_probe(*plain_, batch_, [](const Tensor& g) { return g; }),
      1e-9, 1e-9);
  EXPECT_EQ(probed(*model_, batch_, trial::Adam{}),
            probed(*model_, batch_, trial::AdamW{}));
}

TEST_P(TrainingModeProbeTest, IsInFloatThatOfStockModules) {
  const trial::TrainingModeProbe found = probed(*model_, batch_);
  // A gradient about nothing may have either sign.
  expect_near(
      found,
      expected_probe(*plain_, batch_, [](const Tensor& g) { return g.sign(); }),
      1e-3, 5e-3);
}

TEST_P(TrainingModeProbeTest, LeavesEverythingAsItWas) {
  const auto state = [&] {
    std::vector<Tensor> all = {
        at::detail::getDefaultCPUGenerator().get_state()};
    for (const auto& tensor : model_->parameters()) {
      all.push_back(tensor.clone());
      EXPECT_FALSE(tensor.grad().defined());
    }
    for (const auto& tensor : model_->buffers()) all.push_back(tensor.clone());
    for (const auto& module : model_->modules()) {
      all.push_back(torch::tensor(module->is_training()));
    }
    return all;
  };
  model_->children().front()->eval();
  const auto before = state();
  const trial::TrainingModeProbe first = probed(*model_, batch_);
  const auto after = state();
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(torch::equal(before[i], after[i])) << i;
  }
  EXPECT_EQ(probed(*model_, batch_), first);
}

TEST_P(TrainingModeProbeTest, ChangesNoBitOfTheTraining) {
  trial::TrialTask task = small_task();
  task.architecture = GetParam();
  task.criteria = trial::criteria_of({1e-9});
  std::get<trial::BatchSteps>(task.target).max_steps = 6;
  const datasets::Dataset dataset = noise_dataset();
  const trial::TrialResult with = run_trajectory(task, dataset, torch::kCPU, 1);
  task.probe.extended = false;
  const trial::TrialResult without =
      run_trajectory(task, dataset, torch::kCPU, 1);
  EXPECT_EQ(with.losses, without.losses);
  EXPECT_EQ(with.probe.g2, without.probe.g2);
  EXPECT_EQ(with.probe.tau, without.probe.tau);
}

TEST_P(TrainingModeProbeTest, IsTheFirstLossOfATrainingWithoutDropout) {
  const trial::TrainingModeProbe found = probed(*model_, batch_);
  model_->train_without_dropout();
  const torch::NoGradGuard no_grad;
  EXPECT_NEAR(
      torch::cross_entropy_loss(model_->forward(batch_.inputs), batch_.labels)
              .item<double>() /
          found.loss,
      1, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Zoo, TrainingModeProbeTest,
    testing::Values(
        zoo::Mlp{.layers = 2, .width = 32, .dropout = 0},
        zoo::Mlp{.layers = 2, .width = 32, .dropout = 0.5},
        zoo::Mlp{.layers = 2, .width = 32, .batch_norm = false, .dropout = 0.5},
        zoo::VggLite{.base = 8, .pool = true},
        zoo::ResnetMini{.base = 8, .dropout = 0.3},
        zoo::MobilenetMini{.stem = 8}, zoo::Lstm{.hidden = 16},
        zoo::Gru{.hidden = 16, .bidirectional = true},
        zoo::Vit{.patch = 8, .width = 24, .depth = 1, .heads = 2},
        zoo::Cct{.width = 16, .depth = 1, .heads = 2},
        zoo::Pit{.patch = 8, .width = 24, .depth = 1}),
    [](const auto& instance) {
      return zoo::family(instance.param) + std::to_string(instance.index);
    });

TEST(TrainingModeProbe, OfASingleSampleIsMissingWithBatchNorm) {
  const TrialBatch batch = {torch::randn({1, 1, 28, 28}), torch::tensor({3})};
  const auto with =
      models::build(zoo::Mlp{.layers = 1, .width = 8}, kImage, 10);
  const trial::TrainingModeProbe missing = probed(*with, batch);
  EXPECT_TRUE(std::isnan(missing.loss));
  EXPECT_TRUE(std::isnan(missing.mean_g2));
  EXPECT_TRUE(std::isnan(missing.gradient_l1));
  EXPECT_TRUE(std::isnan(missing.step_losses[3]));
  EXPECT_TRUE(std::isnan(missing.dropout));

  const auto without = models::build(
      zoo::Mlp{.layers = 1, .width = 8, .batch_norm = false}, kImage, 10);
  const trial::TrainingModeProbe found = probed(*without, batch);
  EXPECT_TRUE(std::isfinite(found.loss));
  EXPECT_TRUE(std::isfinite(found.step_losses[3]));
  EXPECT_EQ(found.dropout, 0);
}

TEST(TrainingModeProbe, LeavesOutWhatIsNotFinite) {
  for (const bool batch_norm : {true, false}) {
    const auto model = models::build(
        zoo::Mlp{.layers = 1, .width = 8, .batch_norm = batch_norm}, kImage,
        10);
    const TrialBatch batch = {torch::randn({4, 1, 28, 28}), torch::arange(4)};
    const trial::TrainingModeProbe far =
        probed(*model, batch, trial::AdamW{}, 1e37);
    EXPECT_TRUE(std::isfinite(far.loss));
    EXPECT_TRUE(std::isnan(far.step_losses[3]));
    model->parameters().back().detach().fill_(INFINITY);
    const trial::TrainingModeProbe bad = probed(*model, batch);
    EXPECT_TRUE(std::isnan(bad.loss));
    EXPECT_TRUE(std::isnan(bad.mean_g2));
    EXPECT_TRUE(std::isnan(bad.gradient_l1));
    EXPECT_TRUE(std::isnan(bad.step_losses[0]));
  }
}

/// The MLP of one hidden layer as PyTorch would save it, with this dropout.
class ScriptedMlpTest : public testing::Test {
 protected:
  static constexpr double kRate = 0.5;
  const zoo::Mlp mlp_ = {.layers = 1, .width = 32, .dropout = kRate};

  static torch::jit::Module part(const std::string& type,
                                 const std::vector<std::string>& names,
                                 const std::vector<Tensor>& values,
                                 const std::string& code) {
    torch::jit::Module module("__torch__.torch.nn.modules." + type);
    module.register_attribute("training", c10::BoolType::get(), true);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool buffer = names[i].starts_with("running") ||
                          names[i].starts_with("num_batches");
      if (buffer) {
        module.register_buffer(names[i], values[i]);
      } else {
        module.register_parameter(names[i], values[i], false);
      }
    }
    module.define("def forward(self, x):\n" + code);
    return module;
  }

  static Tensor own(const Tensor& parameter) {
    return parameter.detach().clone().requires_grad_(true);
  }

  /// With `listed` the last layer's parameters are used through a list, as
  /// recurrent layers of PyTorch use theirs.
  zoo::Architecture scripted(const std::string& drop, bool listed = false) {
    torch::manual_seed(small_task().seed);
    const auto model = models::build(mlp_, kImage, 10);
    const auto p = model->parameters();
    torch::jit::Module net("__torch__.Net");
    net.register_attribute("training", c10::BoolType::get(), true);
    net.register_attribute("calls", c10::IntType::get(), 0);
    const std::string linear =
        "    return torch.linear(x, self.weight, self.bias)\n";
    net.register_module("hidden", part("linear.Linear", {"weight", "bias"},
                                       {own(p[0]), own(p[1])}, linear));
    net.register_module("norm", part("batchnorm.BatchNorm1d",
                                     {"weight", "bias", "running_mean",
                                      "running_var", "num_batches_tracked"},
                                     {own(p[2]), own(p[3]), torch::zeros({32}),
                                      torch::ones({32}), torch::tensor(0)},
                                     R"(
    if self.training:
        self.num_batches_tracked = self.num_batches_tracked + 1
    return torch.batch_norm(x, self.weight, self.bias, self.running_mean, self.running_var, self.training, 0.1, 1e-5, False)
)"));
    net.register_module(
        "drop", part("dropout.Dropout", {}, {},
                     "    return torch.dropout(x, 0.5, self.training)\n"));
    const Tensor weight = own(p[4]);
    const Tensor bias = own(p[5]);
    net.register_module("output", part("linear.Linear", {"weight", "bias"},
                                       {weight, bias}, linear));
    net.register_attribute("listed", c10::ListType::ofTensors(),
                           c10::List<Tensor>({weight, bias}));
    net.define(R"(
def forward(self, x):
    self.calls = self.calls + 1
    x = torch.gelu(self.norm.forward(self.hidden.forward(torch.flatten(x, 1))))
    x = )" + drop +
               R"(
    return )" +
               (listed ? "torch.linear(x, self.listed[0], self.listed[1])"
                       : "self.output.forward(x)") +
               "\n");
    net.save((files_.path() / "net.pt").string());
    return zoo::opened({.file = "net.pt"}, files_.path());
  }

  // Dropout as a submodule, as a function, as it is traced in training mode,
  // and in its place something that is different in every pass.
  static constexpr const char* kModule = "self.drop.forward(x)";
  static constexpr const char* kFunction =
      "torch.dropout(x, 0.5, self.training)";
  static constexpr const char* kTraced = "torch.dropout(x, 0.5, True)";
  static constexpr const char* kCounting =
      "x * (1.0 + 0.01 * float(self.calls))";

  static trial::TrialResult run(const zoo::Architecture& architecture,
                                bool extended = true) {
    trial::TrialTask task = small_task();
    task.architecture = architecture;
    task.probe.extended = extended;
    task.criteria = trial::criteria_of({1e-9});
    std::get<trial::BatchSteps>(task.target).max_steps = 8;
    return run_trajectory(task, noise_dataset(), torch::kCPU, 1);
  }

  const TemporaryDirectory files_;
};

TEST_F(ScriptedMlpTest, IsProbedAsTheSameNetworkOfTheZoo) {
  const trial::ExtendedProbe own =
      run(scripted(kModule)).probe.extended.value();
  const trial::ExtendedProbe zoo = run(mlp_).probe.extended.value();
  expect_near(own.training_mode, zoo.training_mode, 1e-4, 1e-4);
  EXPECT_EQ(own.network, zoo.network);
  EXPECT_EQ(own.dropout_rate, mlp_.dropout);
  EXPECT_EQ(zoo.dropout_rate, mlp_.dropout);
  EXPECT_EQ(own.batch, zoo.batch);
}

TEST_F(ScriptedMlpTest, SaysWhetherDropoutStayedOn) {
  const trial::TrainingModeProbe without =
      run(scripted(kModule)).probe.extended->training_mode;
  EXPECT_EQ(without.dropout, 0);
  for (const char* drop : {kFunction, kTraced}) {
    const zoo::Architecture architecture = scripted(drop);
    const trial::TrainingModeProbe found =
        run(architecture).probe.extended->training_mode;
    EXPECT_EQ(found.dropout, 1);
    EXPECT_NE(found.loss, without.loss);
    // With the same masks in each pass a step lowers the loss, in proportion.
    EXPECT_LT(found.step_losses[0], 1);
    EXPECT_LT(found.step_losses[1], found.step_losses[0]);
    EXPECT_EQ(run(architecture).probe.extended->training_mode, found);
  }
}

TEST_F(ScriptedMlpTest, ChangesNoBitOfTheTraining) {
  for (const char* drop : {kModule, kFunction, kTraced, kCounting}) {
    const zoo::Architecture architecture = scripted(drop);
    EXPECT_EQ(run(architecture, true).losses, run(architecture, false).losses);
  }
}

TEST_F(ScriptedMlpTest, IsTrainedThroughListsOfItsParametersAfterTheProbe) {
  EXPECT_EQ(run(scripted(kModule, true)).losses,
            run(scripted(kModule, false)).losses);
}

TEST_F(ScriptedMlpTest, LeavesEverythingAsItWas) {
  for (const char* drop : {kModule, kFunction, kTraced}) {
    const auto model = models::build(scripted(drop), kImage, 10);
    const TrialBatch batch = {torch::randn({16, 1, 28, 28}),
                              torch::arange(16) % 10};
    const auto state = [&] {
      std::vector<Tensor> all = {
          at::detail::getDefaultCPUGenerator().get_state()};
      for (const auto& tensor : model->parameters()) {
        all.push_back(tensor.clone());
      }
      for (const auto& tensor : model->buffers()) {
        all.push_back(tensor.clone());
      }
      return all;
    };
    const auto before = state();
    probed(*model, batch);
    const auto after = state();
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_TRUE(torch::equal(before[i], after[i])) << i;
    }
    EXPECT_TRUE(model->is_training());
  }
}

}  // namespace
}  // namespace cape::trainer
