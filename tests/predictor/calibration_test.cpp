#include "predictor/evaluation/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

#include "predictor/rows.h"

namespace cape::predictor {
namespace {

TEST(Calibration, MendsALineInEpochsAndDoesNotScoreWhatItUsed) {
  const MetaTable table = sample_table(200);
  std::vector<double> predicted;
  for (const MetaRow& row : table.rows) {
    // ceil(N / B): N is exp(11), B is 32.
    const double epoch = std::ceil(std::round(std::exp(11.0)) / 32);
    const bool is_mlp = table.family(row) == "mlp";
    // Each family is off by a line of its own.
    predicted.push_back(is_mlp ? row.t_star / 2.0
                               : 3 * row.t_star + 0.01 * epoch);
  }
  const Scheme scheme = kfold(table, all_rows(table), 3, 42);
  const auto calibrated = calibrate(table, scheme, predicted, 42);
  std::size_t unscored = 0;
  for (std::size_t i = 0; i < calibrated.size(); ++i) {
    if (std::isnan(calibrated[i])) {
      ++unscored;
    } else {
      EXPECT_NEAR(calibrated[i], table.rows[i].t_star, 1e-3);
    }
  }
  EXPECT_EQ(unscored, 40U);  // 20 of 200 trajectories, two rows each
}

TEST(Calibration, LeavesRowsWithoutAPredictionAlone) {
  const MetaTable table = sample_table(20);
  const std::vector<double> none(table.rows.size(), std::nan(""));
  const Scheme scheme = kfold(table, all_rows(table), 2, 42);
  for (const double value : calibrate(table, scheme, none, 42)) {
    EXPECT_TRUE(std::isnan(value));
  }
}

}  // namespace
}  // namespace cape::predictor
