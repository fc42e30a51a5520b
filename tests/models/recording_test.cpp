#include "models/recording.h"
#include "models/torch.h"

#include <gtest/gtest.h>

#include <future>

#include "core/error.h"
#include "models/build.h"

namespace cape::models {
namespace {

TEST(ProbeRecording, NotesEveryUseOfALayerWhileItLives) {
  const auto model = build(zoo::Mlp{.layers = 2, .width = 7}, {1, 6, 6}, 5);
  model->eval();
  const torch::Tensor inputs = torch::randn({4, 1, 6, 6});
  {
    const ProbeRecording recording;
    EXPECT_TRUE(recording.recordings().empty());
    model->forward(inputs);
    // Two of Linear and BatchNorm, and the head.
    EXPECT_EQ(recording.recordings().size(), 5U);
  }
  model->forward(inputs);
  const ProbeRecording again;
  EXPECT_TRUE(again.recordings().empty());
  model->forward(inputs);
  EXPECT_EQ(again.recordings().size(), 5U);
}

TEST(ProbeRecording, IsOneAtATimeForAThread) {
  const ProbeRecording recording;
  EXPECT_THROW(ProbeRecording(), Error);
  std::async(std::launch::async, [] { const ProbeRecording another; }).get();
  EXPECT_TRUE(ProbeRecording::is_on());
}

TEST(ProbeRecording, NotesWhatItsThreadRuns) {
  const auto model = build(zoo::Mlp{.layers = 2, .width = 7}, {1, 6, 6}, 5);
  model->eval();
  const ProbeRecording recording;
  std::async(std::launch::async, [&] {
    model->forward(torch::randn({4, 1, 6, 6}));
  }).get();
  EXPECT_TRUE(recording.recordings().empty());
}

}  // namespace
}  // namespace cape::models
