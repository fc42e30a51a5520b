#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "core/error.h"
#include "sample_grid.h"

namespace cape::grid {
namespace {

Config with_dataset(const DatasetSpec& spec) {
  Config config = single_group();
  config.grid.datasets = {spec};
  config.grid.trials = 40;
  return config;
}

TEST(GridVariant, ChangesTheClassesOfItsTrajectoriesNotN) {
  const Grid grid = make_grid(with_dataset({"mnist", {.classes = 5}}));
  const Trajectory trajectory = grid.trajectory(3, 1);
  EXPECT_EQ(trajectory.task.dataset.variant, datasets::Variant{.classes = 5});
  EXPECT_EQ(trajectory.dataset.classes, 5);
  EXPECT_EQ(trajectory.dataset.train_size, 60000);
  EXPECT_EQ(grid.datasets().front().classes, 10);
}

TEST(GridVariant, IsDrawnATrajectoryWhereItIsSampled) {
  const Grid grid =
      make_grid(with_dataset({.name = "mnist", .sample_variant = true}));
  std::set<std::int64_t> classes;
  for (std::int64_t i = 0; i < 40; ++i) {
    const Trajectory trajectory = grid.trajectory(i, 1);
    const datasets::Variant& variant = trajectory.task.dataset.variant;
    EXPECT_EQ(variant, grid.trajectory(i, 1).task.dataset.variant);
    EXPECT_EQ(trajectory.dataset.classes,
              variant.classes == 0 ? 10 : variant.classes);
    classes.insert(trajectory.dataset.classes);
  }
  EXPECT_GE(classes.size(), 5U);
}

TEST(GridVariant, IsRefusedWhereTheDataSetHasNone) {
  const auto message = [](const DatasetSpec& spec) -> std::string {
    try {
      make_grid(with_dataset(spec));
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message({"mnist", {.classes = 11}}),
              testing::HasSubstr("classes is 11, mnist has 10"));
  EXPECT_EQ(message({"mnist", {.classes = 10}}), "");
}

}  // namespace
}  // namespace cape::grid
