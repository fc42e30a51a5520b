// The model that answers for networks and data that nobody measured.
#include "predictor/evaluation/general.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "predictor/artifact/general_json.h"
#include "predictor/artifact/predictor.h"
#include "predictor/fitted.h"
#include "predictor/rows.h"
#include "zoo/facts.h"

namespace cape::predictor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kKinds = 12;
constexpr int kDatasets = 10;

/// A network of lists of layers; the kinds differ in what is in the list.
std::string description(int kind) {
  constexpr std::array kParts = {"conv", "residual", "batch_norm",
                                 "group_norm"};
  std::string layers = R"({"linear":8})";
  for (std::size_t part = 0; part < kParts.size(); ++part) {
    if ((kind >> part & 1) == 0) continue;
    layers += fmt::format(R"(,{{"{}":1}})", kParts[part]);
  }
  return fmt::format(R"({{"family":"sequential","layers":[{}]}})", layers);
}

/// The row of a network that learns at a rate that its training-mode probe
/// shows, whatever its kind and data.
shard::Row general_row(int number, int kind, int dataset) {
  Random random(static_cast<std::uint64_t>(number));
  shard::Row row = sample_row(fmt::format("g{}", number));
  row.family.assign("sequential");
  row.architecture.assign(fmt::format("network {}", kind));
  row.architecture_json.assign(description(kind));
  row.dataset.assign(fmt::format("data {}", dataset));
  row.classes = 10;
  const double rate = std::exp(-4 + 3 * random.uniform());
  row.train_loss_0 = 2.3;
  row.train_mean_gradient2 = std::exp(random.uniform());
  row.train_gradient_l1 = std::exp(random.uniform());
  row.train_step_loss_1 = std::exp(-rate);
  row.train_step_loss_2 = std::exp(-2 * rate);
  row.train_step_loss_4 = std::exp(-4 * rate);
  row.train_step_loss_8 = std::exp(-8 * rate);
  row.t_star =
      static_cast<std::int32_t>(std::ceil(std::log(1 / row.epsilon) / rate));
  return row;
}

MetaTable general_table(int rows) {
  MetaTable table;
  for (int i = 0; i < rows; ++i) {
    table.add(general_row(i, i % kKinds, i / kKinds % kDatasets));
  }
  return table;
}

GeneralFit fit_on(const MetaTable& table, double level = 0.9) {
  auto fitted = fit_general(table, all_rows(table), Sources(), level, 42);
  EXPECT_TRUE(fitted.has_value());
  return *std::move(fitted);
}

/// The model of fit_on() without what it takes to know its errors.
GeneralModel model_of(const MetaTable& table) {
  const std::vector<RowIndex> rows = all_rows(table);
  GeneralModel made = {
      .model =
          Model::fit(table, rows, varying(feature_set("general"), table, rows),
                     general_settings(42)),
      .errors = {},
      .kinds = {},
      .datasets = {},
      .optimizers = {table.optimizer(table.rows.front())}};
  for (const MetaRow& row : table.rows) {
    made.kinds.insert(table.kind(row));
    made.datasets.insert(table.dataset(row));
  }
  for (const auto& [novelty, offset] :
       {std::pair(Novelty::none, 0.5), std::pair(Novelty::kind, 0.75),
        std::pair(Novelty::source, 1.0), std::pair(Novelty::both, 1.25)}) {
    made.errors[novelty] = {.offsets = Offsets{-offset, offset},
                            .median_factor = 1 + offset,
                            .rows = 600};
  }
  made.errors[Novelty::source].offsets.reset();
  return made;
}

TEST(GroupOffsets, CountEachGroupTheSameAndTheNewOneAsOneMore) {
  // Ten groups: the first has many small errors, the others one each.
  std::vector<double> residuals(100, 0.01);
  std::vector<std::uint32_t> groups(100, 0);
  for (std::uint32_t group = 1; group < 10; ++group) {
    residuals.push_back(group % 2 == 0 ? 0.1 * group : -0.1 * group);
    groups.push_back(group);
  }
  // Nine of eleven groups are within 0.8, ten within 0.9.
  const auto offsets = group_offsets(residuals, groups, 9.0 / 11);
  ASSERT_TRUE(offsets.has_value());
  EXPECT_DOUBLE_EQ(offsets->upper, 0.8);
  EXPECT_DOUBLE_EQ(offsets->lower, -0.8);
  EXPECT_DOUBLE_EQ(group_offsets(residuals, groups, 0.9)->upper, 0.9);
}

TEST(GroupOffsets, AreNotKnownWhereTheGroupsAreTooFewForTheLevel) {
  const std::vector<double> residuals(8, 0.1);
  const std::vector<std::uint32_t> groups = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_TRUE(group_offsets(residuals, groups, 8.0 / 9).has_value());
  EXPECT_FALSE(group_offsets(residuals, groups, 0.9).has_value());
}

TEST(Sources, AreReadFromATableAndElseTheDataSetItself) {
  const auto path = std::filesystem::path(testing::TempDir()) / "sources.tsv";
  std::ofstream(path) << "name\tkind\tsource\n"
                         "mnist\timages\tcharacters\n"
                         "letters\ttabular\tcharacters\n";
  const Sources sources = Sources::read(path);
  EXPECT_EQ(sources.of("letters"), "characters");
  EXPECT_EQ(sources.of("mnist"), "characters");
  EXPECT_EQ(sources.of("elsewhere"), "elsewhere");
  std::ofstream(path) << "name\tkind\nmnist\timages\n";
  try {
    Sources::read(path);
    ADD_FAILURE() << "accepted";
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no column \"source\""));
  }
}

TEST(NetworkKind, SaysHowANetworkIsBuiltAndNotHowLargeItIs) {
  const auto kind = [](const char* layers) {
    return zoo::network_kind(
        fmt::format(R"({{"family":"sequential","layers":{}}})", layers));
  };
  EXPECT_EQ(kind(R"([{"linear":64},"relu"])"), "mlp");
  EXPECT_EQ(kind(R"([{"linear":128},"batch_norm"])"), "mlp, batch_norm");
  EXPECT_EQ(kind(R"([{"conv":8},{"residual":[{"conv":8},"batch_norm"]}])"),
            "cnn, residual, batch_norm");
  EXPECT_EQ(kind(R"([{"lstm":8,"bidirectional":true}])"),
            "lstm, bidirectional");
  EXPECT_EQ(kind(R"([{"patches":8},{"transformer_block":2,"norm":"post"}])"),
            "transformer, post");
  EXPECT_EQ(zoo::network_kind(zoo::describe(zoo::Mlp{}).dump()),
            "mlp, batch_norm");
  EXPECT_EQ(
      zoo::network_kind(zoo::describe(zoo::Mlp{.batch_norm = false}).dump()),
      "mlp");
  EXPECT_EQ(zoo::network_kind("no JSON"), "unknown");
}

TEST(GeneralModel, PredictsKindsAndSourcesThatWereLeftOut) {
  const MetaTable table = general_table(600);
  const GeneralFit fitted = fit_on(table);
  for (const auto& [novelty, errors] : fitted.model.errors) {
    EXPECT_LT(errors.median_factor, 1.2) << to_string(novelty);
    EXPECT_NEAR(errors.median_log_error, 0, 0.05) << to_string(novelty);
    EXPECT_EQ(errors.rows, 600) << to_string(novelty);
    EXPECT_GT(errors.covered, 0.8) << to_string(novelty);
    EXPECT_TRUE(errors.offsets.has_value()) << to_string(novelty);
  }
  EXPECT_EQ(fitted.model.errors.at(Novelty::kind).kinds, kKinds);
  EXPECT_EQ(fitted.model.errors.at(Novelty::kind).sources, 0);
  EXPECT_EQ(fitted.model.errors.at(Novelty::both).sources, kDatasets);
}

TEST(GeneralModel, NeverSeesWhatIsLeftOut) {
  // The kind of the first rows decides their steps, which nothing else shows.
  MetaTable table;
  for (int i = 0; i < 600; ++i) {
    const int kind = i % kKinds;
    shard::Row row = general_row(i, kind, i / kKinds % kDatasets);
    row.convolution_share = kind == 0 ? 1 : 0;
    if (kind == 0) row.t_star *= 20;
    table.add(row);
  }
  const GeneralFit fitted = fit_on(table);
  const auto median_of_first = [&](Novelty novelty) {
    std::vector<double> factors;
    for (RowIndex i = 0; i < 600; i += kKinds) {
      factors.push_back(table.rows[i].t_star / fitted.predicted.at(novelty)[i]);
    }
    std::ranges::nth_element(factors, factors.begin() + 25);
    return factors[25];
  };
  EXPECT_LT(median_of_first(Novelty::none), 3);
  EXPECT_LT(median_of_first(Novelty::source), 3);
  EXPECT_GT(median_of_first(Novelty::kind), 10);
  EXPECT_GT(median_of_first(Novelty::both), 10);
}

TEST(GeneralModel, IsFittedOnRowsWithATrainingModeProbeAlone) {
  EXPECT_FALSE(fit_general(sample_table(100), all_rows(sample_table(100)),
                           Sources(), 0.9, 42)
                   .has_value());
  MetaTable table = general_table(600);
  table.add(sample_row("without"));
  const GeneralFit fitted = fit_on(table);
  EXPECT_TRUE(std::isnan(fitted.predicted.at(Novelty::none)[600]));
  EXPECT_EQ(fitted.model.errors.at(Novelty::none).rows, 600);
}

TEST(GeneralModel, SaysWhatIsNewOfARow) {
  const MetaTable table = general_table(600);
  const GeneralModel model = model_of(table);
  const auto novelty = [&](const shard::Row& row) {
    MetaTable one;
    one.add(row);
    return model.novelty_of(one, one.rows.front());
  };
  EXPECT_EQ(novelty(general_row(1, 1, 1)), Novelty::none);
  EXPECT_EQ(novelty(general_row(1, 15, 1)), Novelty::kind);
  EXPECT_EQ(novelty(general_row(1, 1, kDatasets)), Novelty::source);
  EXPECT_EQ(novelty(general_row(1, 15, kDatasets)), Novelty::both);
}

TEST(GeneralModel, PredictsTheSameWhenItIsReadAgain) {
  const MetaTable table = general_table(600);
  const GeneralModel model = model_of(table);
  const GeneralModel read = general_model_from(to_json(model));
  EXPECT_EQ(read.model.predict_log(table, all_rows(table)),
            model.model.predict_log(table, all_rows(table)));
  EXPECT_EQ(read.kinds, model.kinds);
  EXPECT_EQ(read.datasets, model.datasets);
  EXPECT_EQ(to_json(read), to_json(model));
}

TEST(GeneralModel, AnswersWhereTheFirstModelHasMeasuredNothing) {
  Predictor predictor = result_of(sample_table(40)).predictor;
  const MetaTable table = general_table(600);
  predictor.general = model_of(table);
  MetaTable asked;
  asked.add(sample_row("known"));
  asked.add(general_row(3, 3, 3));
  asked.add(general_row(3, 15, kDatasets));
  shard::Row without = general_row(3, 3, 3);
  without.train_step_loss_1 = shard::Row::kMissing;
  asked.add(without);
  asked.add(general_row(3, 3, kDatasets));
  const auto predictions = predictor.predict(asked, all_rows(asked));
  EXPECT_FALSE(predictions[0].is_general);
  EXPECT_TRUE(predictions[1].is_general);
  EXPECT_THAT(predictions[1].unseen, IsEmpty());
  EXPECT_NEAR(std::log(predictions[1].steps / asked.rows[1].t_star), 0, 0.3);
  EXPECT_THAT(predictions[2].unseen,
              ElementsAre("kind of network", "source of data"));
  EXPECT_NEAR(predictions[2].interval.upper,
              predictions[2].steps * std::exp(1.25),
              1e-3 * predictions[2].steps);
  // Too few sources were left out to say how far off it can be.
  EXPECT_EQ(predictions[4].unseen, std::vector<std::string>{"source of data"});
  EXPECT_EQ(predictions[4].interval.lower, 1);
  EXPECT_EQ(predictions[4].interval.upper, 5000);
  EXPECT_FALSE(predictions[3].is_general);
  EXPECT_THAT(predictions[3].unseen, ElementsAre("family"));
  // Contributions add up to the prediction of the model that made it.
  double sum = 0;
  for (const float share : predictions[1].contributions) sum += share;
  EXPECT_NEAR(std::exp(sum), predictions[1].steps, 1e-3 * predictions[1].steps);
}

}  // namespace
}  // namespace cape::predictor
