#include "trainer_client/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "core/error.h"
#include "trainer_client/support.h"
#include "trial/stopping_rule.h"

namespace cape::trainer_client {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class RowsTest : public testing::Test {
 protected:
  RowsTest() { answer({2.5F, 1.0F, 0.6F, 0.2F}); }

  /// Makes these losses the curve, and the outcomes those of it.
  void answer(const std::vector<float>& losses) {
    trial::StoppingRule rule(
        std::get<trial::BatchSteps>(trajectory_.task.target),
        trajectory_.task.criteria);
    for (const float loss : losses) rule.observe(loss);
    result_ = {.trajectory = trajectory_.task.trajectory,
               .parameters = zoo::parameter_count(trajectory_.task.architecture,
                                                  {1, 28, 28}, 10),
               .probe = {.g2 = 3, .tau = 7, .extended = extended()},
               .initial_loss = losses.front(),
               .outcomes = rule.results(),
               .probe_seconds = 0.5,
               .step_seconds = 0.25,
               .device = "cpu",
               .threads = 2,
               .losses = losses};
  }

  static trial::ExtendedProbe extended() {
    return {.loss = 2.25,
            .mean_g2 = 1.5,
            .label_entropy = 2,
            .logit_spread = 0.5,
            .training_mode = {.loss = 2.125,
                              .mean_g2 = 3.5,
                              .gradient_l1 = 40,
                              .step_losses = {0.875, 0.75, 1.5, 3},
                              .dropout = 1},
            .batch = {.input_rms = 0.25,
                      .effective_rank = 5.5,
                      .neighbour_agreement = -0.5,
                      .constant_inputs = 0.125},
            .network = {.weight_layers = 4,
                        .convolution_share = 0.625,
                        .norm_parameters = 0.0625,
                        .recurrent_weights = 0.1875,
                        .widest_layer = 96},
            .dropout_rate = 0.375};
  }

  /// What is said of the answer once `spoil` has changed it; empty: it is fine.
  std::string complaint(
      const std::function<void(trial::TrialResult&)>& spoil) const {
    trial::TrialResult result = result_;
    spoil(result);
    try {
      validate_result(trajectory_, result);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }

  grid::Grid grid_ = small_grid();
  grid::Trajectory trajectory_ = grid_.trajectory(4, grid_.all_criteria());
  trial::TrialResult result_;
};

TEST_F(RowsTest, TheRightAnswerIsTaken) {
  EXPECT_EQ(complaint([](trial::TrialResult&) {}), "");
}

TEST_F(RowsTest, ACurveThatEndsInNanIsTaken) {
  answer({2.5F, 1.0F, kNan});
  EXPECT_EQ(complaint([](trial::TrialResult&) {}), "");
}

TEST_F(RowsTest, AnotherTrajectoryIsRefused) {
  EXPECT_THAT(
      complaint([this](auto& r) { r.trajectory = grid_.trajectory_key(5); }),
      HasSubstr("another trajectory"));
}

TEST_F(RowsTest, AnotherNetworkIsRefused) {
  EXPECT_THAT(complaint([](auto& r) { --r.parameters; }),
              HasSubstr("number of parameters"));
}

TEST_F(RowsTest, ACurveThatIsNotThatOfTheRuleIsRefused) {
  EXPECT_THAT(complaint([](auto& r) { r.losses.clear(); }),
              HasSubstr("initial loss"));
  EXPECT_THAT(complaint([](auto& r) { r.initial_loss = 2; }),
              HasSubstr("initial loss"));
  EXPECT_THAT(complaint([](auto& r) { r.losses.pop_back(); }),
              HasSubstr("the curve ends"));
  EXPECT_THAT(complaint([](auto& r) { r.losses.push_back(0.1F); }),
              HasSubstr("the curve ends"));
  EXPECT_THAT(complaint([](auto& r) { r.losses[1] = kNan; }),
              HasSubstr("the curve ends"));
}

TEST_F(RowsTest, OutcomesThatAreNotThoseOfTheCurveAreRefused) {
  const auto refused = HasSubstr("not that of its curve");
  EXPECT_THAT(complaint([](auto& r) { ++r.outcomes[0].t_star; }), refused);
  EXPECT_THAT(complaint([](auto& r) { --r.outcomes[1].steps_run; }), refused);
  EXPECT_THAT(complaint([](auto& r) { r.outcomes[2].final_loss += 1e-3; }),
              refused);
  EXPECT_THAT(complaint([](auto& r) {
                r.outcomes[0].criterion = trial::Epsilon{0.15};
              }),
              refused);
  EXPECT_THAT(complaint([](auto& r) {
                r.outcomes[2].stop_reason = trial::StopReason::plateau;
              }),
              refused);
  EXPECT_THAT(
      complaint([](auto& r) { std::swap(r.outcomes[0], r.outcomes[2]); }),
      refused);
}

TEST_F(RowsTest, TooFewOrTooManyOutcomesAreRefused) {
  const auto refused = HasSubstr("not one outcome a criterion");
  EXPECT_THAT(complaint([](auto& r) { r.outcomes.pop_back(); }), refused);
  EXPECT_THAT(
      complaint([](auto& r) { r.outcomes.push_back(r.outcomes.back()); }),
      refused);
}

TEST_F(RowsTest, ARowAnEpsilonWithAllThatIsKnown) {
  const auto rows = make_rows(trajectory_, result_);
  const trial::TrialTask& task = trajectory_.task;
  ASSERT_THAT(rows, SizeIs(task.criteria.size()));
  for (std::size_t e = 0; e < rows.size(); ++e) {
    const shard::Row& row = rows[e];
    EXPECT_EQ(row.epsilon, trial::epsilon_of(task.criteria[e]));
    EXPECT_EQ(row.key.view(),
              trial::cell_key(task.trajectory, task.criteria[e]));
    EXPECT_EQ(row.trajectory.view(), task.trajectory);
    EXPECT_EQ(row.t_star, result_.outcomes[e].t_star);
    EXPECT_EQ(row.final_loss, result_.outcomes[e].final_loss);
    EXPECT_TRUE(row.converged);
    EXPECT_EQ(row.stop_reason.view(), "converged");
  }
  const shard::Row& row = rows.front();
  EXPECT_EQ(row.family.view(), "mlp");
  EXPECT_EQ(row.architecture.view(), zoo::short_name(task.architecture));
  EXPECT_EQ(row.dataset.view(), "mnist");
  EXPECT_EQ(row.task.view(), "classification");
  EXPECT_EQ(row.target.view(), "batch_steps");
  EXPECT_EQ(row.learning_rate, task.learning_rate);
  EXPECT_EQ(row.batch_size, task.batch_size);
  EXPECT_EQ(row.trial, trajectory_.trial);
  EXPECT_DOUBLE_EQ(row.log_g2, std::log(3.0));
  EXPECT_DOUBLE_EQ(row.log_tau, std::log(7.0));
  EXPECT_DOUBLE_EQ(row.log_n, std::log(60000.0));
  EXPECT_DOUBLE_EQ(row.log_lr, std::log(task.learning_rate));
  EXPECT_DOUBLE_EQ(row.log_b, std::log(task.batch_size));
  EXPECT_DOUBLE_EQ(row.log_p, std::log(result_.parameters));
  EXPECT_EQ(row.initial_loss, 2.5);
  EXPECT_EQ(row.samples_available, 1000);
  EXPECT_EQ(row.seed, task.seed);
  EXPECT_EQ(row.threads, 2);
}

TEST_F(RowsTest, TheDataSetAsItIsHasNoVariant) {
  const shard::Row row = make_rows(trajectory_, result_).front();
  EXPECT_EQ(row.variant.view(), "");
  EXPECT_EQ(row.classes, 10);
  EXPECT_EQ(row.input_size, 784);
  EXPECT_EQ(row.label_noise, 0);
  EXPECT_EQ(row.lowres, 1);
  EXPECT_FALSE(row.inverted);
  EXPECT_EQ(row.input_scale, 1);
  EXPECT_EQ(row.input_noise, 0);
}

TEST_F(RowsTest, AVariantIsTextAndColumns) {
  trajectory_.task.dataset.variant = {.classes = 4,
                                      .label_noise = 0.25,
                                      .lowres = 2,
                                      .invert = true,
                                      .scale = 0.5,
                                      .noise = 0.125};
  const shard::Row row = make_rows(trajectory_, result_).front();
  EXPECT_EQ(row.variant.view(),
            R"({"classes":4,"invert":true,"label_noise":0.25,"lowres":2,)"
            R"("noise":0.125,"scale":0.5})");
  EXPECT_EQ(row.label_noise, 0.25);
  EXPECT_EQ(row.lowres, 2);
  EXPECT_TRUE(row.inverted);
  EXPECT_EQ(row.input_scale, 0.5);
  EXPECT_EQ(row.input_noise, 0.125);
}

TEST_F(RowsTest, ACensoredRowSaysWhy) {
  answer({2.5F, 0.6F, kNan});
  const auto rows = make_rows(trajectory_, result_);
  EXPECT_EQ(rows[0].stop_reason.view(), "non_finite");
  EXPECT_FALSE(rows[0].converged);
  EXPECT_EQ(rows[0].t_star, trial::max_steps_of(trajectory_.task.target,
                                                trajectory_.task.batch_size));
  EXPECT_EQ(rows[0].steps_run, 2);
  EXPECT_TRUE(rows[2].converged) << "0.3 was reached before";
}

TEST_F(RowsTest, HaveEveryFeatureOfTheProbe) {
  const shard::Row row = make_rows(trajectory_, result_).front();
  EXPECT_EQ(row.probe_version, trial::kProbeVersion);
  EXPECT_EQ(row.probe_loss, 2.25);
  EXPECT_DOUBLE_EQ(row.log_mean_g2, std::log(1.5));
  EXPECT_EQ(row.label_entropy, 2);
  EXPECT_EQ(row.logit_spread, 0.5);
  EXPECT_EQ(row.train_loss_0, 2.125);
  EXPECT_EQ(row.train_mean_gradient2, 3.5);
  EXPECT_EQ(row.train_gradient_l1, 40);
  EXPECT_EQ(row.train_step_loss_1, 0.875);
  EXPECT_EQ(row.train_step_loss_2, 0.75);
  EXPECT_EQ(row.train_step_loss_4, 1.5);
  EXPECT_EQ(row.train_step_loss_8, 3);
  EXPECT_EQ(row.probe_dropout, 1);
  EXPECT_EQ(row.input_rms, 0.25);
  EXPECT_EQ(row.effective_rank, 5.5);
  EXPECT_EQ(row.neighbour_agreement, -0.5);
  EXPECT_EQ(row.constant_inputs, 0.125);
  EXPECT_EQ(row.weight_layers, 4);
  EXPECT_EQ(row.widest_layer, 96);
  EXPECT_EQ(row.convolution_share, 0.625);
  EXPECT_EQ(row.norm_parameters, 0.0625);
  EXPECT_EQ(row.recurrent_weights, 0.1875);
  EXPECT_EQ(row.dropout_rate, 0.375);
}

TEST_F(RowsTest, LackTheFeaturesThatWereNotAskedFor) {
  result_.probe.extended.reset();
  const shard::Row row = make_rows(trajectory_, result_).front();
  EXPECT_DOUBLE_EQ(row.log_g2, std::log(3.0));
  for (const shard::Column& column : shard::columns()) {
    const bool is_feature = column.stability == shard::Stability::probe &&
                            column.type == shard::ColumnType::float64;
    if (!is_feature || column.since < 6) continue;
    double value = 0;
    std::memcpy(&value, shard::bytes_at(row, column).data(), sizeof value);
    EXPECT_TRUE(std::isnan(value)) << column.name;
  }
}

}  // namespace
}  // namespace cape::trainer_client
