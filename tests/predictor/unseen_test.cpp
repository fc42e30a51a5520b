// Regressors compared on what they have not seen.
#include "predictor/evaluation/unseen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "predictor/data/features.h"
#include "predictor/evaluation/baselines.h"
#include "predictor/evaluation/general.h"
#include "predictor/evaluation/left_out.h"
#include "predictor/trainings.h"

namespace cape::predictor {
namespace {

constexpr std::array kAllNovelties = {Novelty::none, Novelty::kind,
                                      Novelty::source, Novelty::both};

/// Two kinds of networks on five data sets: those of the first kind take ten
/// epochs, those of the second twenty.
MetaTable two_kinds() {
  MetaTable table;
  for (int i = 0; i < 10; ++i) {
    shard::Row row =
        stopped(training_row(fmt::format("t{}", i)), i % 2 == 0 ? 10 : 20);
    row.architecture_json.assign(
        i % 2 == 0 ? R"({"family":"sequential","layers":[{"linear":8}]})"
                   : R"({"family":"sequential","layers":[{"conv":8}]})");
    row.dataset.assign(fmt::format("data {}", i / 2));
    table.add(row);
  }
  return table;
}

/// What is predicted of each row under each novelty.
std::map<Novelty, std::vector<double>> always(
    const std::vector<double>& predicted) {
  std::map<Novelty, std::vector<double>> all;
  for (const Novelty novelty : kAllNovelties) all[novelty] = predicted;
  return all;
}

std::vector<double> measured_of(const MetaTable& table) {
  std::vector<double> measured;
  for (const MetaRow& row : table.rows) measured.push_back(row.t_star);
  return measured;
}

const UnseenScore& score_of(const std::vector<UnseenScore>& scores,
                            Novelty novelty, const char* model) {
  const auto found = std::ranges::find_if(scores, [&](const UnseenScore& one) {
    return one.novelty == novelty && one.model == model;
  });
  if (found == scores.end())
    throw std::out_of_range(std::string("no score of ") + model);
  return *found;
}

TEST(Unseen, ScoresAreThoseOfFitsWithoutWhatIsNew) {
  const MetaTable table = two_kinds();
  const auto scores = compare_unseen(
      table, all_rows(table), Sources(), always(measured_of(table)),
      {{"constant", "the one number", fit_constant()}}, 42);
  ASSERT_EQ(scores.size(), 8U);
  for (const Novelty novelty : kAllNovelties) {
    const UnseenScore& exact = score_of(scores, novelty, "general");
    EXPECT_EQ(exact.rows, 10);
    EXPECT_EQ(exact.accuracy, 1);
    EXPECT_EQ(exact.log_mae, 0);
    EXPECT_EQ(exact.median_factor, 1);
    EXPECT_NEAR(exact.log_correlation, 1, 1e-12);
    EXPECT_TRUE(std::isnan(exact.epoch_correlation));  // it counts epochs
  }
  for (const Novelty novelty : {Novelty::none, Novelty::source}) {
    // Of both kinds 10 is the best number: it is off by 10 of 20 in a half.
    const UnseenScore& known = score_of(scores, novelty, "constant");
    EXPECT_DOUBLE_EQ(known.accuracy, 0.75);
    EXPECT_DOUBLE_EQ(known.log_mae, std::log(2) / 2);
    EXPECT_DOUBLE_EQ(known.median_log_error, -std::log(2) / 2);
    EXPECT_TRUE(std::isnan(known.log_correlation));
  }
  for (const Novelty novelty : {Novelty::kind, Novelty::both}) {
    // Of the other kind it is 20 for those of 10, and 10 for those of 20.
    const UnseenScore& unknown = score_of(scores, novelty, "constant");
    EXPECT_DOUBLE_EQ(unknown.accuracy, 0.25);
    EXPECT_DOUBLE_EQ(unknown.log_mae, std::log(2));
    EXPECT_DOUBLE_EQ(unknown.median_factor, 2);
    EXPECT_DOUBLE_EQ(unknown.median_log_error, 0);
    EXPECT_NEAR(unknown.log_correlation, -1, 1e-12);
  }
  // Samples of the two kinds have one of them twice, or both.
  const UnseenScore& kinds = score_of(scores, Novelty::kind, "constant");
  EXPECT_DOUBLE_EQ(kinds.accuracy_interval.low, 0);
  EXPECT_DOUBLE_EQ(kinds.accuracy_interval.high, 0.5);
}

TEST(Unseen, CountsConvergedRowsThatTheGeneralModelPredicted) {
  MetaTable table = two_kinds();
  table.rows[0].converged = false;
  std::vector<double> predicted = measured_of(table);
  predicted[1] = std::numeric_limits<double>::quiet_NaN();
  const auto scores =
      compare_unseen(table, all_rows(table), Sources(), always(predicted),
                     {{"constant", "", fit_constant()}}, 42);
  EXPECT_EQ(score_of(scores, Novelty::kind, "general").rows, 8);
  EXPECT_EQ(score_of(scores, Novelty::kind, "constant").rows, 8);
}

TEST(Unseen, HasNoScoreWhereNothingIsLeftToFitOn) {
  MetaTable table;
  for (int i = 0; i < 10; ++i) {
    table.add(stopped(training_row(fmt::format("t{}", i)), 10 + i));
  }
  std::map<Novelty, std::vector<double>> own = always(measured_of(table));
  for (const Novelty novelty :
       {Novelty::kind, Novelty::source, Novelty::both}) {
    own[novelty].assign(10, std::numeric_limits<double>::quiet_NaN());
  }
  const auto scores = compare_unseen(table, all_rows(table), Sources(), own,
                                     {{"constant", "", fit_constant()}}, 42);
  ASSERT_EQ(scores.size(), 2U);  // one kind and one source cannot be left out
  EXPECT_EQ(scores[0].novelty, Novelty::none);
  EXPECT_EQ(scores[1].novelty, Novelty::none);
}

/// Of each novelty, the general model and the constant.
void expect_better_than_the_constant(const std::string& criterion) {
  const MetaTable table = table_of_trainings(80, criterion);
  const std::vector<RowIndex> rows = all_rows(table);
  const auto fitted = fit_general(table, rows, feature_set("general"),
                                  Sources(), 0.9, training_settings(42));
  ASSERT_TRUE(fitted.has_value());
  const auto scores = compare_unseen(table, rows, Sources(), fitted->predicted,
                                     {{"constant", "", fit_constant()}}, 42);
  for (const Novelty novelty : kAllNovelties) {
    const UnseenScore& general = score_of(scores, novelty, "general");
    const UnseenScore& constant = score_of(scores, novelty, "constant");
    EXPECT_EQ(general.rows, 80);
    EXPECT_LT(general.log_mae, 0.6 * constant.log_mae) << to_string(novelty);
    EXPECT_GT(general.accuracy, constant.accuracy) << to_string(novelty);
    EXPECT_GT(general.log_correlation, 0.8) << to_string(novelty);
    EXPECT_EQ(std::isnan(general.epoch_correlation),
              criterion == "early_stopping");
    EXPECT_FALSE(general.epoch_correlation < 0.5) << to_string(novelty);
    for (const UnseenScore& one : {general, constant}) {
      EXPECT_LE(one.accuracy_interval.low, one.accuracy);
      EXPECT_GE(one.accuracy_interval.high, one.accuracy);
      EXPECT_LE(one.log_mae_interval.low, one.log_mae);
      EXPECT_GE(one.log_mae_interval.high, one.log_mae);
    }
  }
}

TEST(Unseen, AreBestEpochsThatAFeatureTells) {
  expect_better_than_the_constant("early_stopping");
}

TEST(Unseen, AreStepsThatAFeatureTells) {
  expect_better_than_the_constant("epsilon");
}

TEST(LeftOut, IsPredictedByFitsThatSawNothingOfItsKindOrSource) {
  const auto path = std::filesystem::path(testing::TempDir()) / "left_out.tsv";
  std::ofstream(path) << "name\tsource\ndata 0\tpair\ndata 1\tpair\n";
  const Sources sources = Sources::read(path);
  std::filesystem::remove(path);
  MetaTable table;
  for (int i = 0; i < 64; ++i) {
    for (const shard::Row& row : rows_of_training(i)) table.add(row);
  }
  const auto rows = all_rows(table);
  const auto ways = ways_to_leave_out(table, rows, sources, 42);
  ASSERT_EQ(ways.size(), 4U);
  for (const LeaveOut& way : ways) {
    std::vector<int> times(table.rows.size());
    std::mutex mutex;
    // The names of the rows that are new in this way.
    const auto names = [&](RowIndex i) {
      const MetaRow& row = table.rows[i];
      std::set<std::string> all;
      if (way.novelty == Novelty::none) {
        all.insert("trajectory " + table.trajectories.text(row.trajectory));
      }
      if (way.novelty == Novelty::kind || way.novelty == Novelty::both) {
        all.insert("kind " + table.kind(row));
      }
      if (way.novelty == Novelty::source || way.novelty == Novelty::both) {
        all.insert("source " + sources.of(table.dataset(row)));
      }
      return all;
    };
    const auto predicted = predict_left_out(
        table, rows, way, [&](RowIndex i) { return i % 8 != 0; },
        [&](std::span<const RowIndex> fitted,
            std::span<const RowIndex> held_out) {
          const std::lock_guard lock(mutex);
          std::set<std::string> seen;
          for (const RowIndex i : fitted) {
            EXPECT_NE(i % 8, 0U);
            seen.merge(names(i));
          }
          std::vector<double> values;
          for (const RowIndex i : held_out) {
            ++times[i];
            values.push_back(i);
            for (const std::string& name : names(i)) {
              EXPECT_FALSE(seen.contains(name))
                  << to_string(way.novelty) << ": " << name;
            }
          }
          return values;
        });
    EXPECT_THAT(times, testing::Each(1)) << to_string(way.novelty);
    for (const RowIndex i : rows) EXPECT_EQ(predicted[i], double(i));
  }
}

}  // namespace
}  // namespace cape::predictor
