#include "predictor/report/charts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "predictor/evaluation/evaluate.h"
#include "predictor/report/vega.h"
#include "predictor/rows.h"
#include "predictor/trainings.h"

namespace cape::predictor {
namespace {

using nlohmann::json;
using testing::ElementsAre;

/// As if every prediction were right.
FitResult perfect_result(MetaTable rows) {
  Model model = Model::fit(rows, all_rows(rows), feature_set("paper"),
                           {.booster = {.trees = 1}, .base = Base::none});
  FitResult result = {.options = {},
                      .inputs = {},
                      .left_out = {},
                      .comparison = {},
                      .predictor = {.model = std::move(model)}};
  result.inputs.table = std::move(rows);
  result.inputs.rows = all_rows(result.inputs.table);
  const MetaTable& table = result.inputs.table;
  std::vector<double> predicted;
  for (const MetaRow& row : table.rows) predicted.push_back(row.t_star);
  std::vector<MetricGroup> groups = group_metrics(table, predicted, 42);
  result.comparison.schemes = {kfold(table, result.inputs.rows, 2, 42)};
  result.comparison.evaluations = {{SchemeName::kfold, "blend_extended", "",
                                    std::move(predicted), std::move(groups)}};
  return result;
}

FitResult perfect_result(int trajectories) {
  return perfect_result(sample_table(trajectories));
}

const Chart* find(const std::vector<ChartSection>& sections,
                  const std::string& id) {
  for (const ChartSection& section : sections) {
    const auto found = std::ranges::find(section.charts, id, &Chart::id);
    if (found != section.charts.end()) return &*found;
  }
  return nullptr;
}

TEST(Charts, HoldEveryRowOfASmallInput) {
  const FitResult result = perfect_result(60);
  const json columns = rows_json(result)["columns"];
  for (const auto& [name, values] : columns.items()) {
    EXPECT_EQ(values.size(), 120U) << name;
  }
  EXPECT_EQ(columns["measured"][7], result.inputs.table.rows[7].t_star);
}

TEST(Charts, HoldAtMost4000RowsOfALargeInput) {
  const json rows = rows_json(perfect_result(3000));
  // Every second of 6,000.
  EXPECT_EQ(rows["columns"]["measured"].size(), 3000U);
  EXPECT_EQ(rows, rows_json(perfect_result(3000)));
}

TEST(Charts, CountEachRowOnceInTheHistogramAndTheGrid) {
  const auto sections = chart_sections(perfect_result(60));
  std::int64_t rows = 0;
  for (const json& bin : find(sections, "histogram")->spec["data"][0]["values"])
    rows += bin["rows"].get<std::int64_t>();
  EXPECT_EQ(rows, 120);
  const json& cells = find(sections, "grid_mlp")->spec["data"][0]["values"];
  ASSERT_EQ(cells.size(), 1U);
  EXPECT_EQ(cells[0]["tip"]["rows"], 60);
}

TEST(Charts, SayWhatCsvFilesDoNotHave) {
  const auto sections = chart_sections(perfect_result(60));
  EXPECT_EQ(find(sections, "curves"), nullptr);
  const auto curves =
      std::ranges::find(sections, "Loss curves", &ChartSection::title);
  ASSERT_NE(curves, sections.end());
  EXPECT_THAT(curves->note, testing::HasSubstr("Not available"));
}

TEST(Charts, ComputeChangesFromErrorsThatAreNotRounded) {
  FitResult result = perfect_result(60);
  // As texts of two digits both would be 0.01, and the change none.
  result.ablation = {"xgboost_paper",
                     "steps",
                     {"kfold family=mlp", "kfold family=cnn"},
                     {{"", {0.008, 1}}, {"line probe", {0.012, NAN}}}};
  const auto sections = chart_sections(result);
  const json& dots = find(sections, "ablation")->spec["data"][0]["values"];
  ASSERT_EQ(dots.size(), 1U);
  EXPECT_NEAR(dots[0]["value"].get<double>(), 50, 1e-9);
}

TEST(Charts, DrawCurvesAndTimesThatAreThere) {
  FitResult result = perfect_result(60);
  result.inputs.measurements.curves = {{0, {2, 1, 0.5}, {0, 1, 2}}};
  result.inputs.measurements.timings = {
      {"mlp", 32, 60, 0.001, 0.002, 0.003, 0.1, 0.5}};
  const auto sections = chart_sections(result);
  const json& losses = find(sections, "curves")->spec["data"][0]["values"];
  ASSERT_EQ(losses.size(), 3U);
  EXPECT_EQ(losses[2]["step"], 2);
  EXPECT_EQ(losses[2]["loss"], 0.25);
  const json& times = find(sections, "step_times")->spec["data"][0]["values"];
  EXPECT_DOUBLE_EQ(times[0]["step"], 2);
}

TEST(Charts, DrawValidationCurvesWithWhatWasPredicted) {
  MetaTable table = table_of_trainings(60, "early_stopping");
  table.rows[5].converged = false;
  table.rows[5].t_star = 60;
  table.rows[5].steps_run = 50;
  FitResult result = perfect_result(std::move(table));
  result.inputs.whole_trainings = true;
  result.predictor.offsets[SchemeName::kfold] = {
      {-std::log(2.0), std::log(4.0)}, {}};
  result.comparison.evaluations[0].predicted[5] = 20;
  const std::int32_t best = result.inputs.table.rows[7].t_star;
  const std::vector<float> losses = {3, 2.5, 2, 2.25};
  result.inputs.measurements.curves = {{7, losses, {31, 62, 93, 124}},
                                       {5, losses, {31, 62, 93, 124}}};
  const auto sections = chart_sections(result);
  EXPECT_EQ(find(sections, "curves"), nullptr);
  const Chart* const first = find(sections, "validation_0");
  ASSERT_NE(first, nullptr);
  EXPECT_THAT(first->title, testing::HasSubstr("network 3 on data 1, N = 500"));
  const json& points = first->spec["data"][0]["values"];
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(points[3]["epoch"], 4);
  EXPECT_EQ(points[3]["loss"], 2.25);
  const json& band = first->spec["data"][1]["values"][0];
  EXPECT_EQ(band["measured"], best);
  EXPECT_EQ(band["predicted"], best);
  EXPECT_NEAR(band["from"].get<double>(), best / 2.0, 1e-9);
  EXPECT_NEAR(band["to"].get<double>(), best * 4.0, 1e-9);
  EXPECT_NEAR(first->spec["scales"][0]["domain"][1].get<double>(),
              best * 4.0 + 1, 1e-9);
  // The cap ended this one, fifty epochs being the best so far.
  const Chart* const second = find(sections, "validation_1");
  ASSERT_NE(second, nullptr);
  const json& ended = second->spec["data"][1]["values"][0];
  EXPECT_EQ(ended["measured"], 50);
  EXPECT_NEAR(ended["from"].get<double>(), 10, 1e-9);
  EXPECT_NEAR(ended["to"].get<double>(), 60, 1e-9);  // the cap
}

TEST(Vega, TicksAreOneTwoFive) {
  EXPECT_THAT(vega::ticks(0.2, 10), ElementsAre(0.2, 0.5, 1, 2, 5, 10));
}

TEST(Vega, DotPlotHasALineForEachLabel) {
  const json spec = vega::dot_plot(
      {{"a", "x", 1, NAN, NAN}, {"a", "y", 3, 2, 4}, {"b", "x", 2, 1, 3}},
      {"x", "y"}, {.title = "MAE", .reference = 0});
  EXPECT_EQ(spec["scales"][0]["domain"], json({0.0, 4.0}));
  EXPECT_EQ(spec["data"][0]["values"].size(), 3U);
  EXPECT_EQ(spec["data"][0]["values"][0]["low"], 1);
  EXPECT_EQ(spec["marks"].size(), 3U);
}

}  // namespace
}  // namespace cape::predictor
