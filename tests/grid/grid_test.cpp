#include "grid/grid.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/error.h"
#include "grid/sample_grid.h"

namespace cape::grid {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StrEq;

constexpr std::int64_t kMostTrials = std::numeric_limits<std::uint32_t>::max();

/// What makes a cell, as far as a grid's axes go.
using Cell = std::tuple<std::string, std::string, double, std::int64_t, double,
                        std::int64_t>;

std::vector<Cell> cells_of(const Grid& grid, std::int64_t index) {
  const Trajectory trajectory = grid.trajectory(index, grid.all_criteria());
  const TrialGroup group = grid.group(index / grid.config().grid.trials);
  const trial::TrialTask& task = trajectory.task;
  std::vector<Cell> cells;
  for (const trial::Criterion& criterion : task.criteria) {
    cells.emplace_back(fmt::format("{}/{}", group.model, group.architecture),
                       task.dataset.name, task.learning_rate, task.batch_size,
                       trial::epsilon_of(criterion), trajectory.trial);
  }
  return cells;
}

std::map<Cell, int> count_cells(const Grid& grid) {
  std::map<Cell, int> counts;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    for (const Cell& cell : cells_of(grid, i)) ++counts[cell];
  }
  return counts;
}

/// What is said of a configuration that does not fit its data sets.
std::string error_message(const Config& config) {
  try {
    make_grid(config);
  } catch (const UserError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Grid, CountsGroupsTrajectoriesAndCells) {
  const Grid grid = make_grid(many_groups());
  EXPECT_EQ(grid.groups(), 4 * 2 * 3 * 3);
  EXPECT_EQ(grid.trajectories(), 72 * 5);
  EXPECT_EQ(grid.cells(), 72 * 5 * 3);
}

TEST(Grid, HoldsEveryCombinationOnce) {
  Config config = many_groups();
  for (const bool independent : {false, true}) {
    config.train.independent_epsilon = independent;
    const std::map<Cell, int> counts = count_cells(make_grid(config));
    EXPECT_EQ(counts.size(), 72U * 5 * 3);
    for (const auto& [cell, count] : counts) EXPECT_EQ(count, 1);
  }
}

TEST(Grid, GivesIndependentEpsilonsATrajectoryEach) {
  Config config = many_groups();
  config.train.independent_epsilon = true;
  const Grid grid = make_grid(config);
  EXPECT_EQ(grid.groups(), 72 * 3);
  EXPECT_EQ(grid.trajectories(), 72 * 3 * 5);
  EXPECT_EQ(grid.cells(), 72 * 3 * 5);
  EXPECT_EQ(grid.all_criteria(), 1U);
  EXPECT_EQ(grid.trajectory(0, 1).task.criteria.size(), 1U);
}

TEST(Grid, TakesNoRoomOrTimeForTrials) {
  // A byte, or a nanosecond, for each of these would show.
  Config config = many_groups();
  config.grid.trials = kMostTrials;
  const Grid grid = make_grid(config);
  EXPECT_EQ(grid.trajectories(), 72 * kMostTrials);
  EXPECT_EQ(grid.cells(), 72 * kMostTrials * 3);
  const std::int64_t last = grid.trajectories() - 1;
  EXPECT_EQ(grid.trajectory(last, 1).trial, kMostTrials - 1);
  EXPECT_THAT(grid.trajectory_key(last), ::testing::EndsWith("fffffffe"));
  EXPECT_EQ(grid.find(grid.trajectory_key(last)), last);
}

TEST(Grid, PutsTheDearestGroupsFirst) {
  const Grid grid = make_grid(many_groups());
  const std::int64_t trials = grid.config().grid.trials;
  for (std::int64_t i = 1; i < grid.trajectories(); ++i) {
    EXPECT_GE(grid.expected_flops(i - 1), grid.expected_flops(i)) << i;
    if (i % trials != 0) {
      EXPECT_EQ(grid.expected_flops(i - 1), grid.expected_flops(i)) << i;
    }
  }
  EXPECT_EQ(grid.family(0), "transformer");
  EXPECT_EQ(grid.group(0).batch_size.value, 128);
  EXPECT_EQ(grid.family(grid.trajectories() - 1), "mlp");
}

TEST(Grid, ExpectsNoMoreStepsThanThereMayBe) {
  Config config = single_group();
  const double uncapped = make_grid(config).expected_flops(0);
  config.train.batch_steps.max_steps = 5;
  const double capped = make_grid(config).expected_flops(0);
  EXPECT_LT(capped, uncapped);
  config.train.batch_steps.max_steps = 4999;
  EXPECT_EQ(make_grid(config).expected_flops(0), uncapped);
}

TEST(Grid, DescribesTheSameTrajectoryWhateverWasAskedBefore) {
  const Grid grid = make_grid(many_groups());
  std::vector<trial::TrialTask> forward;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    forward.push_back(grid.trajectory(i, grid.all_criteria()).task);
  }
  const Grid other = make_grid(many_groups());
  for (std::int64_t i = other.trajectories(); i-- > 0;) {
    EXPECT_EQ(other.trajectory(i, other.all_criteria()).task,
              forward[static_cast<std::size_t>(i)]);
  }
}

TEST(Grid, AsksForTheEpsilonsOfTheMask) {
  const Grid grid = make_grid(many_groups());
  EXPECT_EQ(grid.all_criteria(), 0b111U);
  EXPECT_THAT(grid.trajectory(4, 0b111).task.criteria,
              testing::ElementsAreArray(trial::criteria_of({0.1, 0.15, 0.2})));
  EXPECT_THAT(grid.trajectory(4, 0b101).task.criteria,
              testing::ElementsAreArray(trial::criteria_of({0.1, 0.2})));
  EXPECT_THAT(grid.trajectory(4, 0).task.criteria, IsEmpty());
}

TEST(Grid, HandsSettingsAndDataSetToTheTask) {
  Config config = single_group();
  config.train.batch_steps.max_steps = 77;
  config.train.weight_decay = 0.5;
  const Grid grid = make_grid(config);
  const Trajectory trajectory = grid.trajectory(2, 0b11);
  EXPECT_EQ(trajectory.index, 2);
  EXPECT_EQ(trajectory.trial, 2);
  EXPECT_EQ(trajectory.dataset.name, grid.datasets()[0].name);
  EXPECT_EQ(trajectory.task.trajectory, grid.trajectory_key(2));
  EXPECT_EQ(trajectory.task.target, trial::Target(config.train.batch_steps));
  EXPECT_EQ(trajectory.task.optimizer,
            trial::Optimizer(trial::AdamW{.weight_decay = 0.5}));
  EXPECT_EQ(trajectory.task.architecture, zoo::Architecture(zoo::Mlp{}));
  EXPECT_EQ(
      trajectory.task.dataset,
      (trial::DatasetRef{"mnist", "/data/mnist", "fingerprint of mnist"}));
}

TEST(Grid, SeedsEveryTrajectoryDifferently) {
  Config config = many_groups();
  config.grid.trials = 100;
  const Grid grid = make_grid(config);
  std::set<std::uint64_t> seeds;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    seeds.insert(grid.trajectory(i, 1).task.seed);
  }
  EXPECT_EQ(std::ssize(seeds), grid.trajectories());
}

TEST(Grid, DrawsAnArchitectureForEachTrialOfASampledModel) {
  Config config = single_group();
  config.grid.models = {sampled_mlps()};
  config.grid.trials = 200;
  const Grid grid = make_grid(config);
  std::set<std::string> names;
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    names.insert(zoo::short_name(grid.trajectory(i, 1).task.architecture));
  }
  EXPECT_EQ(names.size(), 6U);
}

TEST(Grid, TakesAsManyEpsilonsAsAMaskHasBits) {
  Config config = single_group();
  config.grid.epsilon.clear();
  for (int i = 1; i <= 64; ++i) config.grid.epsilon.push_back(i / 100.0);
  const Grid grid = make_grid(config);
  EXPECT_EQ(grid.all_criteria(), ~trial::CriterionMask{0});
  EXPECT_EQ(grid.cells(), 3 * 64);
  EXPECT_EQ(grid.trajectory(0, grid.all_criteria()).task.criteria,
            trial::criteria_of(config.grid.epsilon));
  config.grid.epsilon.push_back(0.65);
  EXPECT_THAT(error_message(config),
              HasSubstr("at most 64 epsilons (found 65)"));
}

TEST(Grid, RefusesABatchLargerThanItsDataSetAndSaysWhere) {
  Config config = single_group();
  config.grid.batch_size = {32, 60000, 60001};
  config.locations = {{"grid.batch_size", "c.yaml:6:3"},
                      {"grid.batch_size[2]", "c.yaml:6:24"}};
  EXPECT_THAT(error_message(config),
              StrEq("c.yaml:6:24: batch size 60001 is larger than data set "
                    "mnist (60,000 samples at hand); use a smaller one"));
}

Config full_training() {
  Config config = single_group();
  config.train.target = trial::FullTraining::kName;
  return config;
}

trial::FullTraining training_of(const Grid& grid, std::int64_t index) {
  return std::get<trial::FullTraining>(
      grid.trajectory(index, grid.all_criteria()).task.target);
}

TEST(FullTrainingGrid, HasARowForEachEpsilonAndEachPatience) {
  Config config = full_training();
  config.train.patience = {3, 7};
  const Grid grid = make_grid(config);
  EXPECT_EQ(grid.cells(), 3 * 4);
  const trial::TrialTask task = grid.trajectory(0, grid.all_criteria()).task;
  EXPECT_THAT(task.criteria,
              testing::ElementsAre(trial::Epsilon{0.1}, trial::Epsilon{0.2},
                                   trial::EarlyStopping{3, 1e-4},
                                   trial::EarlyStopping{7, 1e-4}));
  EXPECT_EQ(training_of(grid, 0).patience, 7);
  config.train.independent_epsilon = true;
  EXPECT_EQ(make_grid(config).groups(), 4);
}

TEST(FullTrainingGrid, TrainsOnTheSamplesThatAreNotForValidation) {
  Config config = full_training();
  config.grid.samples = {1000, kAllSamples};
  const Grid grid = make_grid(config);
  EXPECT_EQ(grid.groups(), 2);
  // The dearest group first.
  EXPECT_EQ(training_of(grid, 0).samples, 55000);
  EXPECT_EQ(training_of(grid, 3).samples, 1000);
  for (const std::int64_t index : {0, 3}) {
    EXPECT_EQ(training_of(grid, index).validation_samples, 5000);
    EXPECT_EQ(training_of(grid, index).split_seed,
              training_of(grid, 1).split_seed);
  }
  EXPECT_NE(grid.trajectory_key(0), grid.trajectory_key(3));
  config.seed = 1;
  EXPECT_NE(training_of(make_grid(config), 0).split_seed,
            training_of(grid, 0).split_seed);
}

TEST(FullTrainingGrid, DrawsSamplesUpToWhatThereIs) {
  Config config = full_training();
  config.grid.trials = 200;
  config.grid.samples = {Draw::log_uniform, {40000, 1'000'000}};
  const Grid grid = make_grid(config);
  std::int64_t most = 0;
  for (std::int64_t i = 0; i < 200; ++i) {
    const std::int64_t samples = training_of(grid, i).samples;
    EXPECT_GE(samples, 40000);
    EXPECT_LE(samples, 55000);
    most = std::max(most, samples);
  }
  EXPECT_GT(most, 50000);
}

TEST(FullTrainingGrid, KeepsTheKeysThatItsSettingsDoNotChange) {
  // With batch_steps no setting of a whole training is in a key.
  Config config = single_group();
  const std::string key = make_grid(config).trajectory_key(0);
  config.train.patience = {9};
  config.train.full_training.max_epochs = 3;
  config.train.validation = 0.3;
  EXPECT_EQ(make_grid(config).trajectory_key(0), key);

  config = full_training();
  const std::string full = make_grid(config).trajectory_key(0);
  EXPECT_NE(full, key);
  config.train.patience = {2, 5};  // the training ends as before
  config.grid.epsilon = {0.5};
  EXPECT_EQ(make_grid(config).trajectory_key(0), full);
  config.train.patience = {6};
  EXPECT_NE(make_grid(config).trajectory_key(0), full);
}

TEST(FullTrainingGrid, CostsMoreTheMoreSamplesAndAtMostItsCap) {
  Config config = full_training();
  config.grid.samples = {1000, 8000};
  const Grid grid = make_grid(config);
  EXPECT_GT(grid.expected_flops(0), 2 * grid.expected_flops(3));
  for (const std::int64_t index : {0, 3}) {
    EXPECT_GT(grid.most_flops(index), 3 * grid.expected_flops(index));
  }
}

TEST(FullTrainingGrid, RefusesWhatTheDataSetHasNot) {
  const auto refusal = [](Config config, datasets::DatasetInfo dataset) {
    try {
      const Grid grid(std::move(config), {std::move(dataset)});
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const datasets::DatasetInfo mnist = sample_dataset("mnist");
  Config config = full_training();
  EXPECT_EQ(refusal(config, mnist), "");

  config.grid.samples = {1000, 55001};
  EXPECT_THAT(refusal(config, mnist),
              HasSubstr("55,001 samples are more than mnist has"));
  config.grid.samples = {Draw::log_uniform, {60000, 70000}};
  EXPECT_THAT(refusal(config, mnist), HasSubstr("60,000 samples are more"));

  config.grid.samples = {55000, kAllSamples};
  EXPECT_THAT(refusal(config, mnist),
              HasSubstr("means 55,000 samples of mnist"));

  config = full_training();
  config.grid.samples = {Draw::log_uniform, {20, 500}};
  EXPECT_THAT(refusal(config, mnist),
              HasSubstr("batch size 32 is larger than the 20 samples"));

  config = full_training();
  datasets::DatasetInfo few = mnist;
  few.samples = 150;
  EXPECT_THAT(refusal(config, few), HasSubstr("100 of the 150 samples"));

  datasets::DatasetInfo lacking = mnist;
  lacking.rarest_class = datasets::RarestClass{.label = 7, .samples = 1};
  EXPECT_THAT(refusal(config, lacking),
              HasSubstr("class 7 of mnist has 1 samples"));

  config.grid.datasets = {{"mnist", {.noise = 0.5}}};
  EXPECT_THAT(refusal(config, mnist), HasSubstr("for batch_steps alone"));

  config = single_group();
  config.grid.samples = {1000};
  EXPECT_THAT(refusal(config, mnist), HasSubstr("train.target is batch_steps"));
}

TEST(Grid, RefusesAnArchitectureThatIsListedTwice) {
  Config config = single_group();
  config.grid.models = {listed_mlps({zoo::Mlp{}}),
                        listed_mlps({zoo::Mlp{.layers = 3}, zoo::Mlp{}})};
  config.locations = {{"grid.models[1].architectures[1]", "c.yaml:4:9"}};
  EXPECT_THAT(error_message(config),
              HasSubstr("c.yaml:4:9: the same architecture"));
  config.grid.models = {sampled_mlps(), sampled_mlps()};
  EXPECT_THAT(error_message(config), HasSubstr("listed twice"));
}

TEST(Grid, RefusesMoreTrialsThanAKeyHasDigitsFor) {
  Config config = single_group();
  config.grid.trials = kMostTrials + 1;
  EXPECT_THAT(error_message(config), HasSubstr("at most 2^32 - 1 trials"));
}

TEST(Grid, ReportsAllProblemsAtOnce) {
  Config config = single_group();
  config.grid.datasets = {{"mnist"}, {"fashion_mnist"}};
  config.grid.batch_size = {70000};
  config.grid.trials = kMostTrials + 1;
  const std::string lines = error_message(config);
  EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
}

}  // namespace
}  // namespace cape::grid
