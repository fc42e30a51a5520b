// Networks for tokens: an embedding in front of networks for sequences.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/build.h"
#include "trainer/probe.h"
#include "zoo/architecture.h"

namespace cape::trainer {
namespace {

using zoo::layers::Embedding;
using zoo::layers::Flatten;
using zoo::layers::GlobalPool;
using zoo::layers::Linear;
using zoo::layers::Positions;
using zoo::layers::Relu;
using zoo::layers::TransformerBlock;

constexpr std::int64_t kTexts = 9;
constexpr std::int64_t kLength = 14;
constexpr std::int64_t kWords = 11;  // so that tokens repeat in a sample
constexpr std::int64_t kTopics = 4;
const zoo::Sample kTokens = zoo::Sample::of_tokens(kLength, kWords);

struct TokenNetwork {
  std::string name;
  zoo::Architecture architecture;
  bool per_step = false;
};

std::ostream& operator<<(std::ostream& out, const TokenNetwork& network) {
  return out << network.name;
}

class TokensTest : public testing::TestWithParam<TokenNetwork> {
 protected:
  TokensTest() {
    torch::manual_seed(7);
    model_ = models::build(GetParam().architecture, kTokens, head_);
    inputs_ = torch::randint(kWords, {kTexts, kLength}, torch::kLong);
    labels_ = GetParam().per_step
                  ? torch::randint(kTopics, {kTexts, kLength}, torch::kLong)
                  : torch::randint(kTopics, {kTexts}, torch::kLong);
  }

  const zoo::Head head_{kTopics, GetParam().per_step};
  const datasets::Task task_ = GetParam().per_step
                                   ? datasets::Task::sequence
                                   : datasets::Task::classification;
  std::shared_ptr<models::Model> model_;
  torch::Tensor inputs_, labels_;
};

TEST_P(TokensTest, NormsAreThoseOfALoopOverTheSamples) {
  ASSERT_TRUE(model_->records_probes());
  const trial::ProbeResult engine =
      probe(*model_, inputs_, labels_, std::nullopt, task_);
  const trial::ProbeResult loop =
      probe_by_loop(*model_, inputs_, labels_, task_);
  // Float32: sums in another order.
  EXPECT_NEAR(engine.g2 / loop.g2, 1, 1e-5);
  EXPECT_NEAR(engine.tau / loop.tau, 1, 1e-5);
}

TEST_P(TokensTest, ParametersAreKnownWithoutTheNetwork) {
  EXPECT_EQ(zoo::explain_mismatch(GetParam().architecture, kTokens, head_), "");
  EXPECT_EQ(zoo::parameter_count(GetParam().architecture, kTokens, head_),
            models::parameter_count(*model_));
}

TEST_P(TokensTest, TokensAreRowsOfAStockEmbedding) {
  torch::NoGradGuard no_grad;
  model_->eval();
  const torch::Tensor outputs = model_->forward(inputs_);
  // Token k takes the place of token k + 1: so do the rows of the embedding.
  torch::Tensor weight;
  for (const auto& parameter : model_->named_parameters()) {
    if (parameter.key() == "embedding.weight") weight = parameter.value();
  }
  ASSERT_EQ(weight.sizes(),
            at::IntArrayRef({kWords, zoo::embedding_width(
                                         GetParam().architecture, kTokens)}));
  weight.copy_(weight.roll(-1, 0));
  EXPECT_TRUE(
      torch::equal(model_->forward((inputs_ - 1).remainder(kWords)), outputs));
}

zoo::Architecture list(zoo::layers::Layers layers) {
  return zoo::Sequential{.name = "", .layers = std::move(layers)};
}

INSTANTIATE_TEST_SUITE_P(
    Networks, TokensTest,
    testing::Values(
        TokenNetwork{"lstm", zoo::Lstm{.layers = 2, .hidden = 8}},
        TokenNetwork{"gru_bi",
                     zoo::Gru{.layers = 1, .hidden = 6, .bidirectional = true}},
        TokenNetwork{"gru_steps", zoo::Gru{.layers = 1, .hidden = 6}, true},
        TokenNetwork{"vit", zoo::Vit{.width = 12, .depth = 1, .heads = 3}},
        TokenNetwork{"vit_steps", zoo::Vit{.width = 12, .depth = 1, .heads = 3},
                     true},
        TokenNetwork{"bag", list({Embedding{.outputs = 5}, GlobalPool{},
                                  Linear{.outputs = 7}, Relu{}})},
        TokenNetwork{"attention",
                     list({Embedding{.outputs = 8}, Positions{},
                           TransformerBlock{.heads = 2}, Flatten{}})}),
    [](const auto& parameter) { return parameter.param.name; });

TEST(Tokens, AreForNetworksWithAnEmbeddingAlone) {
  using testing::HasSubstr;
  EXPECT_THAT(zoo::explain_mismatch(zoo::Mlp{}, kTokens, kTopics),
              HasSubstr("takes no tokens"));
  EXPECT_THAT(zoo::explain_mismatch(zoo::VggLite{}, kTokens, kTopics),
              HasSubstr("takes no tokens"));
  EXPECT_THAT(
      zoo::explain_mismatch(list({Embedding{.outputs = 5}, GlobalPool{}}),
                            {1, 28, 28}, kTopics),
      HasSubstr("begins with an embedding, which takes tokens"));
  EXPECT_THAT(
      zoo::explain_mismatch(list({Embedding{.outputs = 5}}), kTokens, kTopics),
      HasSubstr("end it with flatten or global_pool"));
  EXPECT_EQ(
      zoo::explain_mismatch(zoo::TorchScript{.file = "net.pt"}, kTokens, 4),
      "");
  EXPECT_THROW(zoo::architecture_from(
                   {{"family", "sequential"},
                    {"kind", "sequential"},
                    {"layers", {{{"linear", 5}}, {{"embedding", 5}}}}}),
               UserError);
}

}  // namespace
}  // namespace cape::trainer
