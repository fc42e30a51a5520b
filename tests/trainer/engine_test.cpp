/// The engine's norms against the loop over samples, for the whole zoo.

#include <gtest/gtest.h>

#include "models/build.h"
#include "models/torch.h"
#include "plain/lists.h"
#include "trainer/probe.h"

namespace cape::trainer {
namespace {

const std::vector<std::int64_t> kGrey = {1, 28, 28};

std::vector<zoo::Architecture> zoo_samples() {
  using namespace zoo;
  std::vector<Architecture> all = {
      Mlp{.layers = 3, .width = 128},
      Mlp{.layers = 2, .width = 64, .batch_norm = false},
      VggLite{.base = 8, .convolutions = {2, 1, 1}, .pool = true},
      ResnetMini{.base = 8},
      ResnetMini{.base = 8, .blocks = 2},
      MobilenetMini{.stem = 16, .blocks = 2},
      MobilenetMini{.width = 0.75, .stem = 16, .blocks = 3},
      Lstm{.layers = 2, .hidden = 32, .bidirectional = true},
      Lstm{.hidden = 48},
      Gru{.layers = 2, .hidden = 32, .bidirectional = true},
      Gru{.hidden = 48},
      Cct{.width = 32, .depth = 2},
      Vit{.width = 48, .depth = 2},
      Pit{.width = 24, .depth = 1}};
  for (Sequential& list : plain::lists_for_images()) {
    all.emplace_back(std::move(list));
  }
  return all;
}

/// Running statistics as training leaves them, so that x^ is not x.
void move_statistics(models::Model& model,
                     const std::vector<std::int64_t>& shape) {
  const torch::NoGradGuard no_grad;
  model.train();
  for (int i = 0; i < 10; ++i) {
    model.forward(torch::randn({16, shape[0], shape[1], shape[2]}));
  }
}

/// The engine's g2 and tau are the loop's, but for this part of them.
void expect_agreement(models::Model& model, const torch::Tensor& inputs,
                      const torch::Tensor& labels, double tolerance) {
  const trial::ProbeResult engine = probe(model, inputs, labels);
  const trial::ProbeResult loop = probe_by_loop(model, inputs, labels);
  EXPECT_NEAR(engine.g2 / loop.g2, 1, tolerance);
  EXPECT_NEAR(engine.tau / loop.tau, 1, tolerance);
}

struct EngineCase {
  zoo::Architecture architecture;
  std::int64_t batch;
};

std::vector<EngineCase> engine_cases() {
  std::vector<EngineCase> all;
  for (const zoo::Architecture& architecture : zoo_samples()) {
    // Of one micro-batch, of a full and a part of another, of full ones.
    for (const std::int64_t batch : {1, 2, 33, 48}) {
      all.push_back({architecture, batch});
    }
  }
  return all;
}

class EngineTest : public testing::TestWithParam<EngineCase> {
 protected:
  void SetUp() override {
    torch::manual_seed(7);
    model_ = models::build(GetParam().architecture, kGrey, 10);
    const auto shape = zoo::input_shape(GetParam().architecture, kGrey);
    move_statistics(*model_, shape);
    inputs_ = torch::randn({GetParam().batch, shape[0], shape[1], shape[2]});
    labels_ = torch::arange(GetParam().batch) % 10;
  }

  std::shared_ptr<models::Model> model_;
  torch::Tensor inputs_, labels_;
};

TEST_P(EngineTest, AgreesWithTheLoopInDouble) {
  model_->to(torch::kDouble);
  expect_agreement(*model_, inputs_.to(torch::kDouble), labels_, 1e-9);
}

TEST_P(EngineTest, AgreesWithTheLoopInFloat) {
  expect_agreement(*model_, inputs_, labels_, 1e-4);
}

TEST_P(EngineTest, LeavesOutWhatIsFrozen) {
  bool freeze = false;
  for (torch::Tensor& parameter : model_->parameters()) {
    parameter.set_requires_grad(freeze);
    freeze = !freeze;
  }
  model_->to(torch::kDouble);
  expect_agreement(*model_, inputs_.to(torch::kDouble), labels_, 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Zoo, EngineTest, testing::ValuesIn(engine_cases()),
                         [](const auto& instance) {
                           std::string name =
                               zoo::short_name(instance.param.architecture);
                           for (char& c : name) {
                             if (std::isalnum(static_cast<unsigned char>(c)) ==
                                 0)
                               c = '_';
                           }
                           return name + "_of_" +
                                  std::to_string(instance.param.batch);
                         });

}  // namespace
}  // namespace cape::trainer
