#include "predictor/models/ridge_base.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "predictor/rows.h"

namespace cape::predictor {
namespace {

/// log T* is 3 + `slope` times log P - 12, which is 0 to 2, but for rounding.
void add_family(const std::string& family, double slope, MetaTable& table,
                int architectures = 10) {
  for (int i = 0; i < 200; ++i) {
    shard::Row row = sample_row(fmt::format("{}{}", family, i));
    row.family.assign(family);
    row.architecture.assign(fmt::format("{}", i % architectures));
    row.log_p = 12 + i / 100.0;
    row.t_star = static_cast<std::int32_t>(
        std::lround(std::exp(3 + slope * (row.log_p - 12))));
    table.add(row);
  }
}

class RidgeBaseTest : public testing::Test {
 protected:
  RidgeBaseTest() {
    add_family("mlp", 1, table_);
    add_family("cnn", -1, table_);
  }

  /// For a row of this family with log P = 14.
  float predicted(const std::string& family) {
    const RidgeBase base = RidgeBase::fit(
        table_, all_rows(table_), feature_set("paper"), Base::by_family);
    shard::Row row = sample_row();
    row.family.assign(family);
    row.log_p = 14;
    MetaTable one;
    one.add(row);
    const auto rows = all_rows(one);
    return base.predict(one, rows,
                        feature_matrix(one, rows, feature_set("paper")))[0];
  }

  MetaTable table_;
};

TEST_F(RidgeBaseTest, HasTheSlopesOfEachFamily) {
  // Rounded steps of 3 and more, and a penalty of one row in 200.
  EXPECT_NEAR(predicted("mlp"), 5, 0.05);
  EXPECT_NEAR(predicted("cnn"), 1, 0.05);
}

TEST_F(RidgeBaseTest, DistrustsWhatAFewArchitecturesSay) {
  add_family("rnn", 1, table_, 3);
  // A penalty of 11 rows in 200, on what is above the mean.
  EXPECT_NEAR(predicted("rnn"), 4 + 1 / (1 + 11 / 200.0), 0.01);
  EXPECT_NEAR(predicted("mlp"), 5, 0.05);
}

TEST_F(RidgeBaseTest, TakesAnotherFamilyForOneOfAll) {
  EXPECT_NEAR(predicted("rnn"), 3, 0.05);
}

}  // namespace
}  // namespace cape::predictor
