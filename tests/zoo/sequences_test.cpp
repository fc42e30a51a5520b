// Vectors and sequences: which networks take them, and what these then are.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zoo/architecture.h"

namespace cape::zoo {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

using Shape = std::vector<std::int64_t>;

const Shape kVector = {10};
const Shape kSequence = {20, 5};
const Shape kImage = {1, 8, 8};

TEST(Refusal, FollowsTheFamily) {
  EXPECT_THAT(explain_mismatch(Mlp{}, kVector, 1), IsEmpty());
  EXPECT_THAT(explain_mismatch(Mlp{}, kSequence, 1), IsEmpty());
  EXPECT_THAT(explain_mismatch(Mlp{}, {7, 8, 8}, 1), IsEmpty());
  EXPECT_THAT(explain_mismatch(Gru{}, kSequence, 1), IsEmpty());
  EXPECT_THAT(explain_mismatch(Lstm{}, {7, 8, 8}, 1), IsEmpty());
  EXPECT_THAT(explain_mismatch(Vit{}, kSequence, 1), IsEmpty());
  for (const Architecture& any :
       {Architecture(VggLite{}), Architecture(ResnetMini{}),
        Architecture(MobilenetMini{}), Architecture(Vit{}), Architecture(Cct{}),
        Architecture(Pit{})}) {
    EXPECT_THAT(explain_mismatch(any, kImage, 10), IsEmpty());
    EXPECT_THAT(explain_mismatch(any, kVector, 10),
                HasSubstr("no vectors [D]"));
    EXPECT_THAT(explain_mismatch(any, {4, 8, 8}, 10),
                HasSubstr("1 or 3 channels, not of 4"));
  }
  EXPECT_EQ(explain_mismatch(Gru{}, kVector, 10),
            "gru_1x128 (rnn) takes no vectors [D]");
  EXPECT_THAT(explain_mismatch(Cct{}, kSequence, 10),
              HasSubstr("no sequences"));
  EXPECT_THAT(explain_mismatch(VggLite{}, kSequence, 10),
              HasSubstr("no sequences"));
}

TEST(Refusal, OfOutputsForEveryStepFollowsTheFamily) {
  const Head every_step(3, /*per_step=*/true);
  EXPECT_THAT(explain_mismatch(Vit{}, kSequence, every_step), IsEmpty());
  EXPECT_THAT(explain_mismatch(Gru{}, kSequence, every_step), IsEmpty());
  EXPECT_THAT(explain_mismatch(Mlp{}, kSequence, every_step),
              HasSubstr("mlp_2x256 (mlp) has no outputs for every step"));
  EXPECT_THAT(explain_mismatch(Vit{}, kImage, every_step),
              HasSubstr("every step"));
}

TEST(InputShape, OfVectorsAndSequencesIsTheirOwn) {
  EXPECT_EQ(input_shape(Vit{}, kSequence), kSequence);
  EXPECT_EQ(input_shape(Mlp{}, kVector), kVector);
}

TEST(ParameterCount, OfARecurrentNetworkOnSequencesHasTheirFeatures) {
  const std::int64_t cell = 3 * 16 * (5 + 16) + 2 * 3 * 16;
  EXPECT_EQ(parameter_count(Gru{.hidden = 16}, kSequence, 4),
            cell + (16 + 1) * 4);
  EXPECT_EQ(parameter_count(Gru{.hidden = 16}, kSequence, {4, true}),
            cell + (16 + 1) * 4);
}

TEST(ForwardFlops, OfAHeadForEveryStepReadAllSteps) {
  const Gru both{.hidden = 16, .bidirectional = true};
  const double step = 3 * 16 * (5 + 16);
  EXPECT_EQ(forward_flops(both, kSequence, 4), 2 * ((20 + 1) * step + 32 * 4));
  EXPECT_EQ(forward_flops(both, kSequence, {4, true}),
            2 * (2 * 20 * step + 20 * 32 * 4));
}

TEST(ParameterCount, OfAVitOnSequencesEmbedsTheirSteps) {
  const Vit vit{.width = 8, .depth = 0, .heads = 1};
  const std::int64_t embedding = (5 + 1) * 8;
  const std::int64_t norm_and_head = 2 * 8 + (8 + 1) * 4;
  EXPECT_EQ(parameter_count(vit, kSequence, 4),
            embedding + 8 + 21 * 8 + norm_and_head);
  EXPECT_EQ(parameter_count(vit, kSequence, {4, true}),
            embedding + 20 * 8 + norm_and_head);
  EXPECT_EQ(forward_flops(vit, kSequence, {4, true}),
            2.0 * 20 * (5 * 8 + 8 * 4));
}

}  // namespace
}  // namespace cape::zoo
