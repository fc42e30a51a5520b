/// Networks of the user's own, against the same networks of the zoo.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>
#include <torch/serialize.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <ostream>

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

  /// A module with kMlp's weights, p0 to p3, whose body(x, p0) is kMlp; `code`
  /// makes the outputs x of the inputs x.
  zoo::Architecture saved_mlp(
      const std::string& code,
      const std::function<void(torch::jit::Module&)>& change = [](auto&) {}) {
    torch::manual_seed(small_task().seed);
    const auto model = models::build(kMlp, {1, 28, 28}, 10);
    torch::jit::Module module("Net");
    int number = 0;
    for (const auto& parameter : model->parameters()) {
      module.register_parameter(fmt::format("p{}", number++),
                                parameter.detach().clone(), false);
    }
    change(module);
    for (const auto& parameter : module.parameters()) {
      parameter.requires_grad_(true);
    }
    module.define(R"(
def body(self, x, p0):
    x = torch.gelu(torch.linear(torch.flatten(x, 1), p0, self.p1))
    return torch.linear(x, self.p2, self.p3)

def forward(self, x):
    )" + code + "\n    return x\n");
    module.save((files_.path() / "net.pt").string());
    return zoo::opened({.file = "net.pt"}, files_.path());
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
  EXPECT_NEAR(own.probe.extended->training_mode.step_losses[2] /
                  zoo.probe.extended->training_mode.step_losses[2],
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

TEST_F(TorchScriptTest, ShowsTheGreatestRateOfItsDropout) {
  const auto rate_of = [&](const std::string& code, double attribute = 0) {
    const auto change = [&](torch::jit::Module& module) {
      module.register_attribute("rate", c10::FloatType::get(), attribute);
      module.register_attribute("training", c10::BoolType::get(), true);
      torch::jit::Module drop("Drop");
      drop.register_attribute("training", c10::BoolType::get(), true);
      drop.define(R"(
def forward(self, x):
    return torch.dropout(x, 0.625, self.training)
)");
      module.register_module("drop", drop);
    };
    const zoo::Architecture own =
        saved_mlp(code + "\n    x = self.body(x, self.p0)", change);
    const torch::NoGradGuard no_grad;
    return models::build(own, {1, 28, 28}, 10)
        ->dropout_rate(torch::ones({2, 1, 28, 28}))
        .value_or(-1);
  };
  EXPECT_EQ(rate_of("pass"), -1);
  EXPECT_EQ(rate_of("x = torch.dropout(x, 0.25, self.training)"), 0.25);
  EXPECT_EQ(rate_of("x = torch.dropout(x, 0.25, True)"), 0.25);
  EXPECT_EQ(rate_of("x = torch.dropout(x, 0.25, False)"), -1);
  EXPECT_EQ(rate_of("x = torch.dropout(x, 0.25, not self.training)"), -1);
  EXPECT_EQ(rate_of("x = torch.dropout(x, self.rate * 2, self.training)", 0.25),
            0.5);
  EXPECT_EQ(rate_of("x = torch.dropout(x, 0.125, self.training)\n"
                    "    x = torch.feature_dropout(x, 0.5, self.training)\n"
                    "    x = torch.alpha_dropout(x, 0.25, self.training)"),
            0.5);
  EXPECT_EQ(rate_of("x = self.drop.forward(x)"), 0.625);
  EXPECT_EQ(rate_of("if self.rate > 1.0:\n"
                    "        x = self.drop.forward(x)"),
            -1);
  EXPECT_EQ(rate_of("x = torch.scaled_dot_product_attention("
                    "x, x, x, None, self.rate)",
                    0.375),
            0.375);
  // Dropout is between recurrent layers.
  const auto recurrent = [&](const std::string& layers) {
    return rate_of("h = torch.zeros([" + layers + ", x.size(0), 4])\n" +
                   "    w = torch.zeros([4, 4])\n"
                   "    b = torch.zeros([4])\n"
                   "    u = [w, w, b, b]\n"
                   "    y = torch.rnn_tanh(x[:, 0, :, 0:4], h, " +
                   (layers == "1" ? "u" : "u + u") + ", True, " + layers +
                   ", 0.5, self.training, False, True)\n"
                   // Else nobody needs the layers, and they do not run.
                   "    x = x + 0.0 * y[0].sum()");
  };
  EXPECT_EQ(recurrent("2"), 0.5);
  EXPECT_EQ(recurrent("1"), -1);
}

TEST_F(TorchScriptTest, HasNoRateOfDropoutWhereItDrawsInAnotherWay) {
  const auto rate_of = [&](const std::string& code) {
    const trial::TrialResult result = run(saved_mlp(code));
    return result.probe.extended->dropout_rate;
  };
  EXPECT_EQ(rate_of("x = self.body(x, self.p0)"), 0);
  EXPECT_EQ(rate_of("x = self.body(torch.dropout(x, 0.0, True), self.p0)"), 0);
  EXPECT_TRUE(std::isnan(
      rate_of("x = self.body(x + 0.01 * torch.rand_like(x), self.p0)")));
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

TEST_F(TorchScriptTest, OneTensorUnderTwoNamesIsOneParameter) {
  const zoo::Architecture tied = saved_mlp(
      "x = self.body(x, (self.p0 + self.again) / 2.0)",
      [](torch::jit::Module& module) {
        module.register_parameter("again", module.attr("p0").toTensor(), false);
      });
  const trial::TrialResult own = run(tied);
  const trial::TrialResult zoo = run(kMlp);
  EXPECT_EQ(own.parameters, zoo.parameters);
  // Float32: sums in another order.
  EXPECT_NEAR(own.probe.g2 / zoo.probe.g2, 1, 1e-5);
  EXPECT_NEAR(own.probe.extended->training_mode.mean_g2 /
                  zoo.probe.extended->training_mode.mean_g2,
              1, 1e-4);
  for (std::size_t e = 0; e < own.outcomes.size(); ++e) {
    EXPECT_NEAR(static_cast<double>(own.outcomes[e].t_star),
                static_cast<double>(zoo.outcomes[e].t_star), 1);
  }
  EXPECT_THAT(own.notes,
              testing::ElementsAre(HasSubstr("p0 and again are one tensor")));
}

TEST_F(TorchScriptTest, TiedNetworksAloneHaveARevision) {
  const auto plain = std::get<zoo::TorchScript>(saved_mlp(""));
  std::filesystem::rename(plain.file, files_.path() / "plain.pt");
  const std::string plain_file = (files_.path() / "plain.pt").string();
  auto tied =
      std::get<zoo::TorchScript>(saved_mlp("", [](torch::jit::Module& module) {
        module.register_parameter("again", module.attr("p0").toTensor(), false);
      }));
  EXPECT_EQ(nlohmann::json::parse(
                list_tied({tied.file, plain_file, "/nowhere/net.pt"})),
            nlohmann::json({{"tied", {tied.file}}}));
  EXPECT_FALSE(zoo::identity(plain).contains("revision"));
  EXPECT_FALSE(zoo::describe(plain).contains("revision"));
  tied.revision = 1;
  EXPECT_EQ(zoo::identity(tied).at("revision"), 1);
  EXPECT_EQ(zoo::architecture_from(zoo::to_json(tied)),
            zoo::Architecture(tied));
}

TEST_F(TorchScriptTest, AChangeOfItsInputChangesNoBatch) {
  expect_same(run(saved_mlp("x = self.body(x.mul_(2.0), self.p0)")),
              run(saved_mlp("x = self.body(x * 2.0, self.p0)")));
}

/// What a network keeps from one call to the next: how it is added to its
/// outputs and replaced.
struct State {
  std::string name;
  std::string code;
  c10::TypePtr type;
  torch::jit::IValue value;
};

std::ostream& operator<<(std::ostream& out, const State& state) {
  return out << state.name;
}

class StateTest : public TorchScriptTest,
                  public testing::WithParamInterface<State> {};

TEST_P(StateTest, EachPassOfAProbeBeginsWithThatInTheFile) {
  const auto add_state = [](torch::jit::Module& module) {
    module.register_attribute("state", GetParam().type, GetParam().value);
  };
  const trial::TrialResult own = run(saved_mlp(
      "x = self.body(x, self.p0)\n    " + GetParam().code, add_state));
  // It is zero in the file.
  const trial::TrialResult stateless =
      run(saved_mlp("x = self.body(x, self.p0)"));
  EXPECT_EQ(own.probe, stateless.probe);
  EXPECT_EQ(own.initial_loss, stateless.initial_loss);
  EXPECT_NE(own.losses[3], stateless.losses[3]) << "it trains with its state";
}

const std::string kMean = "x.mean(0).detach()";

INSTANTIATE_TEST_SUITE_P(
    Kinds, StateTest,
    testing::Values(
        State{"replaced", "x = x + self.state\n    self.state = " + kMean,
              torch::jit::TensorType::get(), torch::zeros({10})},
        State{"changed",
              "x = x + self.state\n    self.state.copy_(" + kMean + ")",
              torch::jit::TensorType::get(), torch::zeros({10})},
        State{"list", "x = x + self.state[0]\n    self.state[0] = " + kMean,
              c10::ListType::ofTensors(),
              c10::List<Tensor>({torch::zeros({10})})},
        State{"tensor_in_list",
              "x = x + self.state[0]\n    self.state[0].copy_(" + kMean + ")",
              c10::ListType::ofTensors(),
              c10::List<Tensor>({torch::zeros({10})})},
        State{"tuple",
              "x = x + self.state[0]\n    self.state = (" + kMean +
                  ", self.state[1] + 1)",
              c10::TupleType::create({torch::jit::TensorType::get(),
                                      c10::IntType::get()}),
              c10::ivalue::Tuple::create(torch::zeros({10}), std::int64_t{0})}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_F(TorchScriptTest, StateWithItsHistoryIsExplained) {
  EXPECT_THAT(failure(saved_mlp("x = self.body(x, self.p0) + self.state\n"
                                "    self.state = x.mean(0)",
                                [](torch::jit::Module& module) {
                                  module.register_attribute(
                                      "state", torch::jit::TensorType::get(),
                                      torch::zeros({10}));
                                })),
              HasSubstr("keep TENSOR.detach()"));
  // To look at it later is no mistake.
  EXPECT_EQ(failure(saved_mlp("x = self.body(x, self.p0)\n"
                              "    self.state = x",
                              [](torch::jit::Module& module) {
                                module.register_attribute(
                                    "state", torch::jit::TensorType::get(),
                                    torch::zeros({0}));
                              })),
            "no error");
}

TEST_F(TorchScriptTest, OtherTypesAreTrainedInFloat32) {
  const auto to_double = [](torch::jit::Module& module) {
    for (torch::Tensor parameter : module.parameters()) {
      parameter.set_data(parameter.to(torch::kDouble));
    }
  };
  const trial::TrialResult own =
      run(saved_mlp("x = self.body(x, self.p0)", to_double));
  expect_same(own, run(saved_mlp("x = self.body(x, self.p0)")));
  EXPECT_THAT(own.notes,
              testing::ElementsAre(HasSubstr("Double; it is trained in")));
  expect_same(run(saved_mlp("x = self.body(x, self.p0).double()")),
              run(saved_mlp("x = self.body(x, self.p0)")));
}

TEST_F(TorchScriptTest, AnExpandedParameterIsTrainedElementByElement) {
  const auto add_scale = [](const torch::Tensor& scale) {
    return [scale](torch::jit::Module& module) {
      module.register_parameter("scale", scale.clone().expand({10}), false);
    };
  };
  const std::string code = "x = self.body(x, self.p0) * self.scale";
  const trial::TrialResult own =
      run(saved_mlp(code, add_scale(torch::ones(1))));
  expect_same(own, run(saved_mlp(code, add_scale(torch::ones(10)))));
  EXPECT_THAT(own.notes, testing::ElementsAre(HasSubstr("expand()")));
}

TEST_F(TorchScriptTest, OutputsAfterASoftmaxAreNoticed) {
  EXPECT_THAT(
      run(saved_mlp("x = torch.softmax(self.body(x, self.p0), 1)")).notes,
      testing::ElementsAre(HasSubstr("look like those of softmax")));
  EXPECT_THAT(
      run(saved_mlp("x = torch.log_softmax(self.body(x, self.p0), 1)")).notes,
      testing::ElementsAre(HasSubstr("look like those of log_softmax")));
  EXPECT_THAT(run(saved_mlp("x = self.body(x, self.p0)")).notes,
              testing::IsEmpty());
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
