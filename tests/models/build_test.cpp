#include "models/build.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/random.h"
#include "models/layers.h"
#include "plain/lists.h"
#include "zoo/diverse.h"
#include "zoo/facts.h"
#include "zoo/sampler.h"

namespace cape::models {
namespace {

using Counts = std::set<std::int64_t>;

const std::vector<std::int64_t> kGrey = {1, 28, 28};
const std::vector<std::int64_t> kColour = {3, 32, 32};

double deviation(const torch::Tensor& tensor) {
  return tensor.detach()
      .to(torch::kDouble)
      .std(/*unbiased=*/false)
      .item<double>();
}

double largest(const torch::Tensor& tensor) {
  return tensor.detach().abs().max().item<double>();
}

/// The weights are a sample of this deviation and the biases zero.
void expect_drawn(const Model& model, const std::string& layer,
                  double expected) {
  const auto parameters = model.named_parameters();
  EXPECT_NEAR(deviation(parameters[layer + ".weight"]) / expected, 1, 0.03)
      << layer;
  EXPECT_EQ(largest(parameters[layer + ".bias"]), 0) << layer;
}

TEST(BuildTest, HasTheParametersOfTheDescription) {
  std::vector<zoo::Architecture> architectures = {
      zoo::Mlp{},
      zoo::Mlp{.layers = 4, .width = 128, .batch_norm = false},
      zoo::VggLite{},
      zoo::ResnetMini{},
      zoo::MobilenetMini{},
      zoo::Lstm{.layers = 2, .bidirectional = true},
      zoo::Gru{},
      zoo::Cct{},
      zoo::Pit{},
      zoo::Vit{},
      zoo::Vit{.patch = 8, .width = 24, .depth = 2, .heads = 2}};
  for (zoo::Sequential& list : plain::lists_for_images()) {
    architectures.emplace_back(std::move(list));
  }
  for (const auto& architecture : architectures) {
    for (const auto& sample : {kGrey, kColour}) {
      const auto model = build(architecture, sample, 10);
      EXPECT_EQ(parameter_count(*model),
                zoo::parameter_count(architecture, sample, 10))
          << zoo::short_name(architecture);
    }
  }
}

TEST(BuildTest, HasTheRateOfDropoutOfTheDescription) {
  std::vector<zoo::Architecture> architectures = {
      zoo::Mlp{.dropout = 0.375},
      zoo::Mlp{.batch_norm = false, .dropout = 0.5},
      zoo::VggLite{.dropout = 0.25},
      zoo::ResnetMini{},
      zoo::MobilenetMini{.dropout = 0.125},
      zoo::Gru{},
      zoo::Vit{}};
  Random random(1);
  const zoo::Diverse diverse = {.style = {}, .dropout = {0, 0.2, 0.5}};
  for (int i = 0; i < 40; ++i) {
    architectures.push_back(zoo::sample_diverse(diverse, kGrey, 10, random));
  }
  std::set<double> rates;
  for (const auto& architecture : architectures) {
    const double rate =
        build(architecture, kGrey, 10)->dropout_rate({}).value_or(0);
    EXPECT_EQ(rate, zoo::dropout_rate(zoo::describe(architecture).dump()))
        << zoo::short_name(architecture);
    rates.insert(rate);
  }
  EXPECT_EQ(rates, (std::set<double>{0, 0.125, 0.2, 0.25, 0.375, 0.5}));
}

/// Networks with the shapes and heads of sequences and vectors.
struct OtherCase {
  zoo::Architecture architecture;
  std::vector<std::int64_t> sample;
  zoo::Head head;
};

std::vector<OtherCase> other_cases() {
  const zoo::Gru gru{.layers = 2, .hidden = 24, .bidirectional = true};
  const zoo::Vit vit{.width = 24, .depth = 2};
  return {{zoo::Mlp{}, {10}, 1},
          {zoo::Mlp{}, {7, 5}, 3},
          {zoo::Lstm{.hidden = 24}, {7, 5}, {3, true}},
          {gru, {7, 5}, 3},
          {gru, {7, 5}, {3, true}},
          {vit, {7, 5}, 3},
          {vit, {7, 5}, {3, true}},
          {plain::list_of("vectors",
                          {zoo::layers::Linear{8}, zoo::layers::BatchNorm{},
                           zoo::layers::GroupNorm{4}, zoo::layers::Relu{}}),
           {10},
           1},
          {plain::list_of(
               "steps", {zoo::layers::Conv{.outputs = 6, .padding = 1},
                         zoo::layers::Gelu{},
                         zoo::layers::Gru{.hidden = 4,
                                          .bidirectional = true,
                                          .output = zoo::layers::Steps::all}}),
           {7, 5},
           {3, true}}};
}

/// Of the matrix products that one sample takes, as a probe sees them.
double recorded_flops(Model& model, const torch::Tensor& sample) {
  const ProbeRecording recording;
  model.eval();
  model.forward(sample);
  double products = 0;
  for (const Recording& use : recording.recordings()) {
    const auto outputs = static_cast<double>(use.output.numel());
    if (const auto* linear = dynamic_cast<const Linear*>(use.layer)) {
      products += outputs * static_cast<double>(linear->weight.size(1));
    } else if (const auto* conv = dynamic_cast<const Conv2d*>(use.layer)) {
      products += outputs * static_cast<double>(conv->weight[0].numel());
    } else if (const auto* conv1d = dynamic_cast<const Conv1d*>(use.layer)) {
      products += outputs * static_cast<double>(conv1d->weight[0].numel());
    }
  }
  for (const auto& module : model.modules()) {
    const auto* attention = dynamic_cast<const SelfAttention*>(module.get());
    if (attention == nullptr) continue;
    for (const Recording& use : recording.recordings()) {
      if (use.layer != attention->queries.get()) continue;
      // Scores, and values weighted by them.
      const auto tokens = static_cast<double>(use.output.size(1));
      products += 2 * tokens * static_cast<double>(use.output.numel());
    }
  }
  return 2 * products;
}

TEST(BuildTest, IsWhatTheDescriptionSaysForSequencesAndVectors) {
  for (const auto& [architecture, sample, head] : other_cases()) {
    SCOPED_TRACE(zoo::short_name(architecture));
    const auto model = build(architecture, sample, head);
    EXPECT_EQ(parameter_count(*model),
              zoo::parameter_count(architecture, sample, head));
    std::vector<std::int64_t> shape = sample;
    shape.insert(shape.begin(), 2);
    model->eval();
    const torch::Tensor outputs = model->forward(torch::randn(shape));
    EXPECT_EQ(outputs.dim(), head.per_step ? 3 : 2);
    EXPECT_EQ(outputs.size(-1), head.outputs);
    model->to(torch::kDouble);
    shape.front() = 1;
    EXPECT_EQ(recorded_flops(*model, torch::randn(shape, torch::kDouble)),
              zoo::forward_flops(architecture, sample, head));
  }
}

TEST(BuildTest, TakesTheFlopsOfTheDescription) {
  using namespace zoo;
  std::vector<Architecture> architectures = {
      Mlp{.layers = 3},
      VggLite{.base = 16, .convolutions = {2, 1, 1}, .pool = true},
      ResnetMini{.base = 16, .blocks = 2},
      MobilenetMini{.width = 0.75, .stem = 16, .blocks = 3},
      Lstm{.layers = 2, .hidden = 32, .bidirectional = true},
      Lstm{.hidden = 32},
      Gru{.layers = 3, .hidden = 32, .bidirectional = true},
      Vit{.depth = 2},
      Cct{.depth = 2},
      Pit{.depth = 1}};
  for (Sequential& list : plain::lists_for_images()) {
    architectures.emplace_back(std::move(list));
  }
  for (const Architecture& architecture : architectures) {
    for (const auto& sample : {kGrey, kColour}) {
      const auto model = build(architecture, sample, 10);
      model->to(torch::kDouble);  // a layer at a time, a step at a time
      const auto shape = input_shape(architecture, sample);
      EXPECT_EQ(
          recorded_flops(*model, torch::randn({1, shape[0], shape[1], shape[2]},
                                              torch::kDouble)),
          forward_flops(architecture, sample, 10))
          << short_name(architecture);
    }
  }
}

TEST(BuildTest, FrozenParametersDoNotCount) {
  const auto model = build(zoo::Mlp{}, kGrey, 10);
  const std::int64_t all = parameter_count(*model);
  torch::Tensor first = model->parameters().front();
  first.requires_grad_(false);
  EXPECT_EQ(parameter_count(*model), all - first.numel());
}

TEST(BuildTest, TakesTheDatasetsSamplesInTheNetworksForm) {
  EXPECT_EQ(build(zoo::Mlp{}, kGrey, 10)
                ->forward(torch::randn({3, 1, 28, 28}))
                .sizes(),
            (std::vector<std::int64_t>{3, 10}));
  EXPECT_EQ(build(zoo::Vit{.width = 12, .depth = 1}, kGrey, 7)
                ->forward(torch::randn({2, 3, 32, 32}))
                .sizes(),
            (std::vector<std::int64_t>{2, 7}));
}

TEST(BuildTest, TheSameSeedGivesTheSameWeights) {
  for (const zoo::Architecture& architecture :
       {zoo::Architecture(zoo::Mlp{}), zoo::Architecture(zoo::Vit{})}) {
    torch::manual_seed(7);
    const auto first = build(architecture, kGrey, 10)->parameters();
    torch::rand({5});
    torch::manual_seed(7);
    const auto second = build(architecture, kGrey, 10)->parameters();
    for (std::size_t i = 0; i < first.size(); ++i) {
      EXPECT_TRUE(torch::equal(first[i], second[i]));
    }
  }
}

TEST(BuildTest, ListsOfLayersAreInitialisedAsTheySay) {
  namespace described = zoo::layers;
  const auto weights = [](zoo::Initialization how) {
    torch::manual_seed(1);
    zoo::Sequential list = plain::list_of(
        "list", {described::Conv{.outputs = 64, .kernel = 5}, described::Rows{},
                 described::Lstm{.hidden = 64}, described::Linear{32}});
    list.initialization = how;
    return build(list, kGrey, 10)->named_parameters();
  };
  const std::string conv = "layers.part0.layer", linear = "layers.part3.layer",
                    gates = "layers.part2.stack.forward0.hidden_projection";
  const auto xavier = weights(zoo::Initialization::xavier);
  EXPECT_NEAR(deviation(xavier[conv + ".weight"]),
              std::sqrt(2.0 / (25 + 25 * 64)), 2e-3);
  EXPECT_NEAR(deviation(xavier[gates + ".weight"]), std::sqrt(2.0 / 128), 2e-3);
  EXPECT_EQ(largest(xavier[gates + ".bias"]), 0);
  const auto kaiming = weights(zoo::Initialization::kaiming);
  EXPECT_NEAR(deviation(kaiming[linear + ".weight"]), std::sqrt(2.0 / 64),
              5e-3);
  EXPECT_EQ(largest(kaiming[linear + ".bias"]), 0);
  const auto usual = weights(zoo::Initialization::torch);
  EXPECT_NEAR(deviation(usual[conv + ".weight"]), 0.2 / std::sqrt(3.0), 4e-3);
  EXPECT_LE(largest(usual[gates + ".weight"]), 1.0 / 8);
  EXPECT_GT(largest(usual[linear + ".bias"]), 0);
  const auto orthogonal = weights(zoo::Initialization::orthogonal);
  const torch::Tensor rows = orthogonal[linear + ".weight"].detach();
  EXPECT_LT(largest(rows.mm(rows.t()) - torch::eye(32)), 1e-5);
  const torch::Tensor filters =
      orthogonal[conv + ".weight"].detach().flatten(1);
  EXPECT_LT(largest(filters.t().mm(filters) - torch::eye(25)), 1e-5);
  for (const torch::Tensor& gate :
       orthogonal[gates + ".weight"].detach().chunk(4)) {
    EXPECT_LT(largest(gate.mm(gate.t()) - torch::eye(64)), 1e-5);
  }
}

TEST(BuildTest, ListsOfLayersTakeAWholeBatchOfOne) {
  namespace described = zoo::layers;
  const auto model = build(
      plain::list_of("norms", {described::Flatten{}, described::Linear{8},
                               described::BatchNorm{}, described::Relu{}}),
      kGrey, 10);
  const torch::Tensor loss = model->forward(torch::randn({1, 1, 28, 28})).sum();
  loss.backward();
  for (const torch::Tensor& parameter : model->parameters()) {
    EXPECT_TRUE(torch::isfinite(parameter.grad()).all().item<bool>());
  }
}

TEST(BuildTest, GeluMlpsAreXavierNormal) {
  torch::manual_seed(1);
  const auto model = build(zoo::Mlp{.layers = 2, .width = 512}, kGrey, 10);
  expect_drawn(*model, "hidden0.linear", std::sqrt(2.0 / (784 + 512)));
  expect_drawn(*model, "hidden1.linear", std::sqrt(2.0 / (512 + 512)));
  expect_drawn(*model, "head", std::sqrt(2.0 / (512 + 10)));
}

TEST(BuildTest, ReluMlpsAreKaimingNormal) {
  torch::manual_seed(1);
  const auto model = build(
      zoo::Mlp{.layers = 2, .width = 512, .activation = zoo::Activation::relu},
      kGrey, 10);
  expect_drawn(*model, "hidden0.linear", std::sqrt(2.0 / 784));
  expect_drawn(*model, "hidden1.linear", std::sqrt(2.0 / 512));
  expect_drawn(*model, "head", std::sqrt(2.0 / 512));
}

TEST(BuildTest, VitsAreDrawnAsPublished) {
  torch::manual_seed(1);
  const auto model = build(zoo::Vit{}, kGrey, 10);
  expect_drawn(*model, "patches.convolution", std::sqrt(2.0 / (3 * 4 * 4)));
  expect_drawn(*model, "blocks.block0.expand", std::sqrt(2.0 / (192 + 384)));
  expect_drawn(*model, "blocks.block5.contract", std::sqrt(2.0 / (192 + 384)));
  expect_drawn(*model, "head.linear", std::sqrt(2.0 / (192 + 10)));
  // Uniform in +-bound: the deviation is bound / sqrt(3).
  const double qkv = std::sqrt(6.0 / (192 + 3 * 192));
  const double out = 1 / std::sqrt(192.0);
  expect_drawn(*model, "blocks.block0.attention.keys", qkv / std::sqrt(3.0));
  expect_drawn(*model, "blocks.block0.attention.output_projection",
               out / std::sqrt(3.0));
  const auto parameters = model->named_parameters();
  EXPECT_LE(largest(parameters["blocks.block0.attention.keys.weight"]), qkv);
  EXPECT_NEAR(deviation(parameters["positions.value"]), 0.02, 0.001);
  EXPECT_NEAR(deviation(parameters["class_token.value"]), 0.02, 0.005);
}

/// exp(logP) of a published data set's rows.
Counts published_counts(const std::string& file, const std::string& dataset) {
  Counts counts;
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::vector<std::string> values;
    for (std::string value; std::getline(fields, value, ',');) {
      values.push_back(value);
    }
    if (values.at(0) == dataset) {
      counts.insert(std::llround(std::exp(std::stod(values.at(4)))));
    }
  }
  return counts;
}

TEST(BuildTest, SampledMlpsHaveThePublishedParameterCounts) {
  const char* reference = std::getenv("CAPE_REFERENCE_DIR");
  if (reference == nullptr) {
    GTEST_SKIP() << "CAPE_REFERENCE_DIR does not name the published rows";
  }
  Random random(1);
  Counts counts;
  for (int i = 0; i < 300; ++i) {
    counts.insert(zoo::parameter_count(
        zoo::sample_published("mlp", kGrey, 10, random), kGrey, 10));
  }
  for (const char* dataset : {"MNIST", "FashionMNIST"}) {
    EXPECT_EQ(published_counts(std::string(reference) + "/meta_dataset_mlp.csv",
                               dataset),
              counts);
  }
}

}  // namespace
}  // namespace cape::models
