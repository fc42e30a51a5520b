// The model that answers for networks and data that nobody measured.
#include "predictor/evaluation/general.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"
#include "predictor/artifact/general_json.h"
#include "predictor/artifact/predictor.h"
#include "predictor/fitted.h"
#include "predictor/rows.h"
#include "predictor/trainings.h"
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
  row.train_loss_0 = row.initial_loss = 2.3;
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
  std::vector<RowIndex> rows = all_rows(table);
  std::erase_if(rows, [&](RowIndex row) {
    return !has_general_features(table.rows[row]);
  });
  auto fitted = fit_general(table, rows, feature_set("general"), Sources(),
                            level, general_settings(42));
  EXPECT_TRUE(fitted.has_value());
  return *std::move(fitted);
}

/// The model of fit_on() without what it takes to know its errors.
GeneralModel model_of(const MetaTable& table, std::string_view set = "general",
                      const ModelSettings& settings = general_settings(42)) {
  const std::vector<RowIndex> rows = all_rows(table);
  const FeatureSet features = varying(feature_set(set), table, rows);
  const Matrix x = feature_matrix(table, rows, features);
  const auto constant = [&](float value) {
    const std::vector<float> target(rows.size(), value);
    return Booster::train({.x = x, .target = target}, features.names(),
                          {.trees = 1, .learning_rate = 1, .lambda = 0});
  };
  GeneralModel made = {.model = Model::fit(table, rows, features, settings),
                       .spread = constant(std::log(2.0F)),
                       .convergence = constant(3),
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

TEST(NetworkKind, OfAFileIsItsContentWhateverItsName) {
  const auto described = [](const char* file) {
    const zoo::TorchScript network = {.file = file, .fingerprint = "xxh-12"};
    return zoo::describe(network).dump();
  };
  const auto group = [&](const char* file) {
    return zoo::network_group(described(file));
  };
  EXPECT_EQ(zoo::network_kind(described("mixer--digits.pt")),
            "torchscript, xxh-12");
  EXPECT_EQ(zoo::network_kind(described("net.pt")), "torchscript, xxh-12");
  EXPECT_EQ(group("/nets/mixer--digits.pt"), "torchscript, mixer");
  EXPECT_EQ(group("mixer--digits--3.pt"), "torchscript, mixer");
  EXPECT_EQ(group("mixer-digits.pt"), "torchscript, xxh-12");
  EXPECT_EQ(group("--digits.pt"), "torchscript, xxh-12");
  EXPECT_EQ(zoo::network_group(zoo::describe(zoo::Mlp{}).dump()),
            "mlp, batch_norm");
  EXPECT_EQ(zoo::network_group("no JSON"), "unknown");
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

TEST(GeneralModel, IsNotFittedOnTooFewRows) {
  const MetaTable few = general_table(40);
  EXPECT_FALSE(fit_general(few, all_rows(few), feature_set("general"),
                           Sources(), 0.9, general_settings(42))
                   .has_value());
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
  const MetaTable table = general_table(kFewestRowsOfPerceptron);
  const GeneralModel model = model_of(table);
  EXPECT_FALSE(model.model.perceptrons.at(0).parameters().embedding.empty());
  const GeneralModel read = general_model_from(to_json(model));
  EXPECT_EQ(read.model.predict_log(table, all_rows(table)),
            model.model.predict_log(table, all_rows(table)));
  EXPECT_EQ(read.kinds, model.kinds);
  EXPECT_EQ(read.datasets, model.datasets);
  EXPECT_EQ(to_json(read), to_json(model));
}

TEST(GeneralModel, OnARegressionPredictsTheSameWhenItIsReadAgain) {
  MetaTable table = table_of_trainings(80, "early_stopping");
  table.rows[3].training.agreement_100 = kMissing;
  const GeneralModel model = model_of(table, "general", training_settings(42));
  ASSERT_TRUE(model.model.base.has_value());
  EXPECT_THAT(model.model.base->families, IsEmpty());
  const GeneralModel read = general_model_from(to_json(model));
  ASSERT_TRUE(read.model.base.has_value());
  // Of another family, and beyond all that was fitted on.
  shard::Row other = rows_of_training(100)[1];
  other.family.assign("cnn");
  other.log_p = 40;
  table.add(other);
  const std::vector<RowIndex> rows = all_rows(table);
  const std::vector<float> logs = model.model.predict_log(table, rows);
  EXPECT_EQ(read.model.predict_log(table, rows), logs);
  EXPECT_EQ(to_json(read), to_json(model));
  const Matrix shares = read.model.contributions(table, rows);
  ASSERT_EQ(shares.columns, model.model.features.size() + 1);
  bool base_counts = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double sum = 0;
    for (const float share : shares.row(i)) sum += share;
    EXPECT_NEAR(sum, logs[i], 1e-4) << i;
    base_counts |= std::abs(shares.at(i, 0)) > 1e-3;
  }
  EXPECT_TRUE(base_counts);
  // To the regression what is beyond is at the end of its range.
  table.rows.back().log_p = 30;
  EXPECT_EQ(read.model.predict_log(table, rows).back(), logs.back());
}

TEST(GeneralModel, OfVersionsBeforeHasNoRegressionAndNoPerceptron) {
  const MetaTable table = general_table(kFewestRowsOfPerceptron);
  const GeneralModel model = model_of(table);
  auto old = nlohmann::ordered_json::parse(to_json(model));
  EXPECT_TRUE(old.at("base").is_null());
  EXPECT_FALSE(old.at("perceptron").empty());
  old.erase("perceptron");
  EXPECT_THROW(general_model_from(old.dump()), nlohmann::json::exception);
  old["schema_version"] = 3;
  EXPECT_THAT(general_model_from(old.dump()).model.perceptrons, IsEmpty());
  old.erase("base");
  old["schema_version"] = 2;
  const GeneralModel read = general_model_from(old.dump());
  EXPECT_FALSE(read.model.base.has_value());
  EXPECT_THAT(read.model.perceptrons, IsEmpty());
  const std::vector<RowIndex> rows = all_rows(table);
  const Matrix x = feature_matrix(table, rows, model.model.features);
  EXPECT_EQ(read.model.predict_log(table, rows),
            model.model.booster.predict(x, {}));
  const auto refusal = [&](int version) {
    old["schema_version"] = version;
    try {
      general_model_from(old.dump());
    } catch (const UserError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_THAT(refusal(1), HasSubstr("fit again"));
  EXPECT_THAT(refusal(7), HasSubstr("use a newer one"));
}

TEST(GeneralModel, HasAnEmbeddingWhereItHelped) {
  const auto outputs = [](const ModelSettings& settings) {
    return settings.perceptrons.at(0).embedding.outputs;
  };
  EXPECT_GT(outputs(general_settings(42)), 0);
  EXPECT_EQ(outputs(first_steps_settings(42)), 0);
  EXPECT_EQ(outputs(training_settings(42)), 0);
}

TEST(GeneralModel, OfAVersionBeforeHasOnePerceptronWithoutEmbedding) {
  const MetaTable table = general_table(kFewestRowsOfPerceptron);
  ModelSettings settings = general_settings(42);
  settings.perceptrons = {perceptron_settings(42)};
  const GeneralModel model = model_of(table, "general", settings);
  auto old = nlohmann::ordered_json::parse(to_json(model));
  nlohmann::ordered_json one = old.at("perceptron").at(0);
  EXPECT_EQ(one.erase("embedding"), 1);
  old["perceptron"] = one;
  old["schema_version"] = 4;
  const std::vector<RowIndex> rows = all_rows(table);
  EXPECT_EQ(general_model_from(old.dump()).model.predict_log(table, rows),
            model.model.predict_log(table, rows));
}

TEST(GeneralModel, RefusesADamagedEmbedding) {
  using Json = nlohmann::ordered_json;
  const MetaTable table = general_table(kFewestRowsOfPerceptron);
  const Json whole = Json::parse(to_json(model_of(table)));
  const auto refusal = [&](const std::function<void(Json&)>& edit) {
    Json damaged = whole;
    edit(damaged.at("perceptron").at(0).at("embedding"));
    try {
      general_model_from(damaged.dump());
    } catch (const std::exception& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_EQ(refusal([](Json&) {}), "accepted");
  EXPECT_THAT(refusal([](Json& layers) { layers.clear(); }),
              HasSubstr("a layer of a perceptron has"));
  EXPECT_THAT(refusal([](Json& layers) { layers.erase(1); }),
              HasSubstr("has 1 layers, not two"));
  EXPECT_THAT(refusal([](Json& layers) { layers.push_back(layers[1]); }),
              HasSubstr("has 3 layers, not two"));
  EXPECT_THAT(refusal([](Json& layers) { layers[1]["weights"].erase(0); }),
              HasSubstr("a layer of a perceptron has"));
  EXPECT_THAT(refusal([](Json& layers) {
                layers[0]["outputs"] = layers[0]["outputs"].get<int>() - 1;
                layers[0]["weights"].erase(0);
                layers[0]["biases"].erase(0);
              }),
              HasSubstr("an embedding of"));
}

TEST(GeneralModel, IsTheMeanOfTreesAndPerceptrons) {
  const MetaTable table = general_table(kFewestRowsOfPerceptron);
  const Model model = model_of(table).model;
  const std::vector<RowIndex> rows = all_rows(table);
  const Matrix x = feature_matrix(table, rows, model.features);
  const std::vector<float> trees = model.booster.predict(x, {});
  std::vector<double> sums(trees.begin(), trees.end());
  for (const Perceptron& perceptron : model.perceptrons) {
    const std::vector<double> others = perceptron.predict(x);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += others[i];
  }
  const auto members = static_cast<double>(1 + model.perceptrons.size());
  EXPECT_GT(members, 2);
  const std::vector<float> logs = model.predict_log(table, rows);
  const Matrix shares = model.contributions(table, rows);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_NEAR(logs[i], sums[i] / members, 1e-6);
    double sum = 0;
    for (const float share : shares.row(i)) sum += share;
    EXPECT_NEAR(sum, logs[i], 1e-4) << i;
  }
}

TEST(GeneralModel, IsReadAgainWhereOnlyCensoredRowsHaveAFeature) {
  MetaTable table = table_of_trainings(80, "early_stopping");
  for (const std::size_t i : {4, 5}) {
    table.rows[i].converged = false;
    table.rows[i].training.log_rank_400 = static_cast<float>(i);
  }
  const GeneralModel model = model_of(table, "general", training_settings(42));
  EXPECT_THAT(model.model.features.names(), testing::Contains("log_set_rank"));
  const GeneralModel read = general_model_from(to_json(model));
  EXPECT_EQ(read.model.predict_log(table, all_rows(table)),
            model.model.predict_log(table, all_rows(table)));
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
  EXPECT_EQ(predictions[0].answered_by, AnsweredBy::model);
  EXPECT_EQ(predictions[1].answered_by, AnsweredBy::general);
  EXPECT_THAT(predictions[1].unseen, IsEmpty());
  EXPECT_NEAR(std::log(predictions[1].steps / asked.rows[1].t_star), 0, 0.3);
  EXPECT_THAT(predictions[2].unseen,
              ElementsAre("kind of network", "source of data"));
  EXPECT_NEAR(predictions[2].interval.upper,
              predictions[2].steps * std::exp(2 * 1.25),
              1e-3 * predictions[2].steps);
  EXPECT_NEAR(predictions[2].convergence, 1 / (1 + std::exp(-3)), 1e-3);
  EXPECT_TRUE(std::isnan(predictions[0].convergence));
  // Too few sources were left out to say how far off it can be.
  EXPECT_EQ(predictions[4].unseen, std::vector<std::string>{"source of data"});
  EXPECT_EQ(predictions[4].interval.lower, 1);
  EXPECT_EQ(predictions[4].interval.upper, 5000);
  EXPECT_EQ(predictions[3].answered_by, AnsweredBy::model);
  EXPECT_THAT(predictions[3].unseen, ElementsAre("family"));
  // Contributions add up to the prediction of the model that made it.
  double sum = 0;
  for (const float share : predictions[1].contributions) sum += share;
  EXPECT_NEAR(std::exp(sum), predictions[1].steps, 1e-3 * predictions[1].steps);
}

TEST(GeneralModel, SaysHowSureTheFirstModelIsOfNewData) {
  Predictor predictor = result_of(sample_table(40)).predictor;
  predictor.general = model_of(general_table(600));
  MetaTable asked;
  shard::Row row = general_row(3, 15, kDatasets);
  const shard::Row known = sample_row("known");
  row.family = known.family;
  row.architecture = known.architecture;
  row.optimizer = known.optimizer;
  asked.add(row);
  const auto predictions = predictor.predict(asked, all_rows(asked));
  const Prediction& one = predictions[0];
  EXPECT_EQ(one.answered_by, AnsweredBy::model);
  EXPECT_THAT(one.unseen, ElementsAre("dataset"));
  EXPECT_NEAR(one.steps,
              predictor.model.predict_steps(asked, all_rows(asked))[0], 1e-6);
  EXPECT_NEAR(one.convergence, 1 / (1 + std::exp(-3)), 1e-3);
  // The spread is 2 there.
  const double offset =
      predictor.general->errors.at(one.novelty).offsets->upper;
  EXPECT_NEAR(one.interval.upper, one.steps * std::exp(2 * offset),
              1e-3 * one.steps);
}

TEST(GeneralModel, KnowsWhereItIsLessSure) {
  MetaTable table;
  for (int i = 0; i < 900; ++i) {
    shard::Row row = general_row(i, i % kKinds, i / kKinds % kDatasets);
    // The rows of large batches are off by a factor of up to 4 at random, and
    // those that learn slowly do not converge.
    if (i % 7 < 3) {
      row.log_b = std::log(512.0);
      Random random(static_cast<std::uint64_t>(i) + 5000);
      row.t_star = static_cast<std::int32_t>(
          row.t_star * std::exp(2.8 * (random.uniform() - 0.5)) + 1);
    }
    if (row.train_step_loss_1 > std::exp(-0.03)) {
      row.converged = false;
      row.t_star = row.steps_run = row.max_steps;
    }
    table.add(row);
  }
  const GeneralFit fitted = fit_on(table);
  const Model& model = fitted.model.model;
  const std::vector<RowIndex> rows = all_rows(table);
  const std::vector<double> spreads = spreads_from(
      fitted.model.spread, feature_matrix(table, rows, model.features));
  std::array<double, 2> sums = {};
  std::array<double, 2> counts = {};
  for (const RowIndex i : rows) {
    if (!table.rows[i].converged) continue;
    const std::size_t large = table.rows[i].log_b > std::log(500.0) ? 1 : 0;
    sums[large] += spreads[i];
    ++counts[large];
  }
  EXPECT_GT(sums[1] / counts[1], 1.5 * sums[0] / counts[0]);
  EXPECT_GT(fitted.model.errors.at(Novelty::kind).covered, 0.85);
  EXPECT_LT(fitted.model.errors.at(Novelty::kind).covered, 0.99);
  for (const auto& [novelty, errors] : fitted.model.errors) {
    EXPECT_GT(errors.auc, 0.95) << to_string(novelty);
    EXPECT_LT(errors.brier, 0.1) << to_string(novelty);
  }
}

TEST(GeneralModel, IsFittedWhereNoRowOfTheOtherKindConverged) {
  // Without the kind that converged there is nothing to fit on.
  MetaTable table;
  for (int i = 0; i < 160; ++i) {
    shard::Row row = general_row(i, i % 2, 0);
    if (i % 2 == 1) {
      row.converged = false;
      row.t_star = row.steps_run = row.max_steps;
    }
    table.add(row);
  }
  const GeneralFit fitted = fit_on(table);
  EXPECT_LT(fitted.model.errors.at(Novelty::none).median_factor, 1.5);
  EXPECT_TRUE(std::isnan(fitted.model.errors.at(Novelty::kind).median_factor));
  EXPECT_FALSE(fitted.model.errors.at(Novelty::kind).offsets.has_value());
  EXPECT_TRUE(
      std::isnan(fitted.model.errors.at(Novelty::source).median_factor));
}

/// L_t = 3 exp(-rate t).
void set_losses(MetaRow& row, double rate) {
  for (std::size_t t = 0; t < row.first_losses.size(); ++t) {
    row.first_losses[t] =
        static_cast<float>(3 * std::exp(-rate * static_cast<double>(t)));
  }
}

/// The rows with losses that reach epsilon at t_star.
MetaTable with_losses(MetaTable table) {
  for (MetaRow& row : table.rows) {
    set_losses(row, -std::log(row.epsilon) / row.t_star);
  }
  return table;
}

TEST(FirstSteps, OfAWholeTrainingAreThirtyTwo) {
  const MetaTable table = with_losses(table_of_trainings(200, "epsilon"));
  Predictor predictor = {
      .model = Model::fit(table, all_rows(table), feature_set("general"),
                          training_settings(42)),
      .settings = table.settings(table.rows.front()),
      .first_steps = FirstStepsModel{
          32, model_of(table, "first 32 steps", training_settings(42))}};
  MetaTable asked;
  for (int i = 0; i < 3; ++i) asked.add(rows_of_training(300 + i)[0]);
  const auto rate_for = [&](std::size_t i, int steps) {
    set_losses(asked.rows[i], -std::log(asked.rows[i].epsilon) / steps);
  };
  rate_for(0, 30);
  rate_for(1, 33);
  rate_for(2, 400);
  const auto predictions =
      predictor.predict_after_first_steps(asked, all_rows(asked));
  EXPECT_EQ(predictions[0].answered_by, AnsweredBy::training);
  EXPECT_EQ(predictions[0].steps, 30);
  EXPECT_EQ(predictions[1].answered_by, AnsweredBy::first_steps);
  // It has not been reached in 32 steps.
  EXPECT_GE(predictions[1].interval.lower, 33);
  EXPECT_NEAR(std::log(predictions[2].steps / 400), 0, 0.3);
}

TEST(FirstSteps, OfATrainingThatEndsBeforeSayThatItNeverGetsThere) {
  const MetaTable table = with_losses(general_table(600));
  Predictor predictor = result_of(sample_table(40)).predictor;
  predictor.first_steps = {32, model_of(table, "first 32 steps")};
  MetaTable asked;
  for (int i = 0; i < 3; ++i) asked.add(general_row(601, 3, 3));
  constexpr float kEnd = std::numeric_limits<float>::infinity();
  for (MetaRow& row : asked.rows) set_losses(row, 1e-3);
  asked.rows[0].first_losses[20] = kEnd;
  asked.rows[1].first_losses[0] = kEnd;  // a loss that nothing is a share of
  const auto predictions =
      predictor.predict_after_first_steps(asked, all_rows(asked));
  for (const std::size_t i : {0, 1}) {
    EXPECT_EQ(predictions[i].answered_by, AnsweredBy::training);
    EXPECT_EQ(predictions[i].convergence, 0);
    EXPECT_TRUE(std::isnan(predictions[i].steps));
    EXPECT_TRUE(std::isnan(predictions[i].interval.upper));
  }
  EXPECT_EQ(predictions[2].answered_by, AnsweredBy::first_steps);
  // 8 steps do not see it.
  predictor.first_steps = {8, model_of(table, "first 8 steps")};
  EXPECT_EQ(predictor.predict_after_first_steps(asked, all_rows(asked))[0]
                .answered_by,
            AnsweredBy::first_steps);
}

TEST(FirstSteps, AreReadFromModelsThatKnewEightStepsAlone) {
  MetaTable table = general_table(600);
  for (MetaRow& row : table.rows) set_losses(row, 0.01);
  std::string text = to_json(model_of(table, "first 8 steps"));
  const std::string name = "\"first 8 steps\"";
  ASSERT_NE(text.find(name), std::string::npos);
  text.replace(text.find(name), name.size(), "\"first steps\"");
  EXPECT_EQ(general_model_from(text).model.features.name, "first 8 steps");
}

TEST(FirstSteps, AnswerExactlyOrByTheModelThatKnowsThem) {
  const MetaTable table = with_losses(general_table(600));
  Predictor predictor = result_of(sample_table(40)).predictor;
  predictor.first_steps = {8, model_of(table, "first 8 steps")};
  MetaTable asked;
  for (int i = 0; i < 3; ++i) asked.add(general_row(601, 3, 3));
  ASSERT_GT(asked.rows[0].t_star, 8);
  asked.rows[0].epsilon = 0.1;
  set_losses(asked.rows[0], 0.4);  // e^-2.4 < 0.1: six steps
  set_losses(asked.rows[1],
             -std::log(asked.rows[1].epsilon) / asked.rows[1].t_star);
  const auto predictions =
      predictor.predict_after_first_steps(asked, all_rows(asked));
  EXPECT_EQ(predictions[0].answered_by, AnsweredBy::training);
  EXPECT_EQ(predictions[0].steps, 6);
  EXPECT_EQ(predictions[0].interval.lower, 6);
  EXPECT_EQ(predictions[0].interval.upper, 6);
  EXPECT_THAT(predictions[0].contributions, IsEmpty());
  EXPECT_EQ(predictions[1].answered_by, AnsweredBy::first_steps);
  EXPECT_NEAR(std::log(predictions[1].steps / asked.rows[1].t_star), 0, 0.2);
  // Without losses there is nothing that this model could use.
  EXPECT_EQ(predictions[2].answered_by, AnsweredBy::model);
  // A training that diverges will not converge.
  asked.rows[1].first_losses[5] = std::numeric_limits<float>::infinity();
  // The cap ends a training before its sixth step.
  asked.rows[0].max_steps = 5;
  const auto ended =
      predictor.predict_after_first_steps(asked, all_rows(asked));
  EXPECT_EQ(ended[0].answered_by, AnsweredBy::first_steps);
  EXPECT_EQ(ended[1].answered_by, AnsweredBy::training);
  EXPECT_EQ(ended[1].convergence, 0);
  EXPECT_TRUE(std::isnan(ended[1].steps));
}

}  // namespace
}  // namespace cape::predictor
