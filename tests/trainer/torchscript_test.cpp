/// Networks of the user's own, against the same networks of the zoo.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "core/error.h"
#include "core/files.h"
#include "models/build.h"
#include "trainer/device.h"
#include "trainer/probe.h"
#include "trainer/support.h"
#include "trainer/trajectory.h"
#include "zoo/torchscript.h"

namespace cape::trainer {
namespace {

using testing::HasSubstr;
using torch::Tensor;

const zoo::Mlp kMlp = {
    .layers = 1, .width = 32, .batch_norm = false, .dropout = 0};

class TorchScriptTest : public testing::Test {
 protected:
  /// A module with `parameters` and this code, saved and opened.
  zoo::Architecture saved(
      const std::vector<std::pair<std::string, Tensor>>& parameters,
      const std::string& code) {
    torch::jit::Module module("Net");
    for (const auto& [name, value] : parameters) {
      module.register_parameter(name, value.detach().clone(), false);
    }
    module.define(code);
    for (const auto& parameter : module.parameters()) {
      parameter.requires_grad_(trainable_);
    }
    module.save((files_.path() / "net.pt").string());
    return zoo::opened({.file = "net.pt"}, files_.path());
  }

  /// kMlp as small_task would begin with it.
  zoo::Architecture same_mlp(const std::string& last = "return x") {
    torch::manual_seed(small_task().seed);
    const auto model = models::build(kMlp, {1, 28, 28}, 10);
    std::vector<std::pair<std::string, Tensor>> parameters;
    for (const auto& parameter : model->parameters()) {
      parameters.emplace_back(fmt::format("p{}", parameters.size()), parameter);
    }
    return saved(parameters, R"(
def forward(self, x):
    x = torch.gelu(torch.linear(torch.flatten(x, 1), self.p0, self.p1))
    x = torch.linear(x, self.p2, self.p3)
    )" + last + "\n");
  }

  trial::TrialResult run(const zoo::Architecture& architecture) {
    trial::TrialTask task = small_task();
    task.architecture = architecture;
    return run_trajectory(task, noise_dataset(), torch::kCPU, 1);
  }

  std::string failure(const zoo::Architecture& architecture) {
    try {
      run(architecture);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  const TemporaryDirectory files_;
  bool trainable_ = true;
};

TEST_F(TorchScriptTest, IsMeasuredAsTheSameNetworkOfTheZoo) {
  const trial::TrialResult own = run(same_mlp());
  const trial::TrialResult zoo = run(kMlp);
  EXPECT_EQ(own.parameters, zoo.parameters);
  // Float32: sums in another order.
  EXPECT_NEAR(own.probe.g2 / zoo.probe.g2, 1, 1e-5);
  EXPECT_NEAR(own.probe.tau / zoo.probe.tau, 1, 1e-5);
  ASSERT_TRUE(own.probe.extended.has_value());
  EXPECT_NEAR(own.probe.extended->mean_g2 / zoo.probe.extended->mean_g2, 1,
              1e-4);
  EXPECT_NEAR(own.probe.extended->sign_step_losses[2] /
                  zoo.probe.extended->sign_step_losses[2],
              1, 1e-4);
  ASSERT_EQ(own.outcomes.size(), zoo.outcomes.size());
  for (std::size_t e = 0; e < own.outcomes.size(); ++e) {
    EXPECT_TRUE(own.outcomes[e].converged());
    EXPECT_NEAR(static_cast<double>(own.outcomes[e].t_star),
                static_cast<double>(zoo.outcomes[e].t_star), 1);
  }
}

TEST_F(TorchScriptTest, BeginsEachTrialWithTheWeightsOfTheFile) {
  const zoo::Architecture own = same_mlp();
  expect_same(run(own), run(own));
}

TEST_F(TorchScriptTest, SaysWhatIsWrongWithAModule) {
  EXPECT_THAT(failure(same_mlp("return x[:, 0:5]")),
              HasSubstr("forward gives 16 x 5 for inputs of 16 x 1 x 28 x 28; "
                        "the task takes 16 x 10"));
  EXPECT_THAT(failure(same_mlp("return x, x")), HasSubstr("not a tensor"));
  EXPECT_THAT(failure(same_mlp("return torch.linear(x, self.p0)")),
              HasSubstr("forward of"));
  trainable_ = false;
  EXPECT_THAT(failure(same_mlp()), HasSubstr("no trainable parameters"));
}

TEST_F(TorchScriptTest, NoticesThatTheFileIsAnotherOneNow) {
  const zoo::Architecture first = same_mlp();
  same_mlp("return x * 2.0");
  EXPECT_THAT(failure(first), HasSubstr("not the file that the run began"));
}

TEST_F(TorchScriptTest, RefusesFilesOfAnotherKind) {
  const auto error_message = [&](const std::string& file) -> std::string {
    try {
      zoo::opened({.file = file}, files_.path());
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_message(""), HasSubstr("needs file"));
  EXPECT_THAT(error_message("missing.pt"), HasSubstr("missing.pt"));
  publish_file(files_.path() / "text.pt", "no archive");
  EXPECT_THAT(error_message("text.pt"), HasSubstr("no TorchScript"));
  torch::save(torch::ones({2}), (files_.path() / "weights.pt").string());
  publish_file(files_.path() / "damaged.pt",
               std::string("PK\3\4 net/code/ ", 15));
  EXPECT_THAT(failure(zoo::opened({.file = "damaged.pt"}, files_.path())),
              HasSubstr("no TorchScript that this LibTorch reads"));
}

}  // namespace
}  // namespace cape::trainer
