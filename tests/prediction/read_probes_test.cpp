#include "prediction/read_probes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "predictor/rows.h"
#include "shard/schema.h"

namespace cape::prediction {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::Pair;

json sample_probe() {
  return {{"learning_rate", 1e-3}, {"batch_size", 32}, {"epsilon", 0.1},
          {"log_p", 12},           {"log_g2", 1},      {"log_tau", 2}};
}

json sample_training() {
  json probe = sample_probe();
  probe.update({{"target", "full_training"}, {"samples", 1000}});
  return probe;
}

/// The probe with another value of a key.
json with(json probe, const std::string& key, const json& value) {
  probe[key] = value;
  return probe;
}

json without(json probe, const std::string& key) {
  probe.erase(key);
  return probe;
}

ProbedCells read(const std::string& text, const std::string& target = "") {
  std::istringstream stream(text);
  return read_probes(stream, "probes.jsonl", target);
}

ProbedCells read(const json& probe) { return read(probe.dump()); }

shard::Row row_of(const json& probe) { return read(probe).cells.at(0).row; }

/// What a wrong input is refused with.
std::string refusal(const std::string& text, const std::string& target = "") {
  try {
    read(text, target);
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "taken: " << text;
  return "";
}

std::string refusal(const json& probe) { return refusal(probe.dump()); }

TEST(ReadProbes, HasACellForEachEpsilonOfEachLine) {
  const ProbedCells probed =
      read(with(sample_probe(), "epsilon", {0.1, 0.3}).dump() + "\n\n" +
           with(sample_probe(), "epsilon", 0.2).dump() + "\n");
  EXPECT_EQ(probed.probes, 2);
  EXPECT_EQ(probed.target, "batch_steps");
  std::vector<double> epsilons;
  for (const CellPrediction& cell : probed.cells) {
    epsilons.push_back(cell.row.epsilon);
    EXPECT_EQ(cell.row.criterion.view(), "epsilon");
    EXPECT_EQ(cell.row.target.view(), "batch_steps");
  }
  EXPECT_THAT(epsilons, ElementsAre(0.1, 0.3, 0.2));
}

TEST(ReadProbes, TakesEveryColumnByItsName) {
  const shard::Row row =
      row_of({{"learning_rate", 1e-3},
              {"batch_size", 32},
              {"epsilon", 0.1},
              {"log_p", 12},
              {"log_g2", 1.5},
              {"log_tau", 2},
              {"classes", 10},
              {"input_size", 784},
              {"inverted", true},
              {"architecture", "mine"},
              {"architecture_json", {{"kind", "mlp"}}},
              {"train_step_loss_8", 0.5},
              {"step_seconds", 0.25},
              {"trajectory", "0123456789abcdef0123456789abcdef"}});
  EXPECT_EQ(row.log_g2, 1.5);
  EXPECT_EQ(row.classes, 10);
  EXPECT_EQ(row.input_size, 784);
  EXPECT_TRUE(row.inverted);
  EXPECT_EQ(row.architecture.view(), "mine");
  EXPECT_EQ(row.architecture_json.view(), R"({"kind":"mlp"})");
  EXPECT_EQ(row.train_step_loss_8, 0.5);
  EXPECT_EQ(row.step_seconds, 0.25);
  EXPECT_EQ(row.trajectory.view(), "0123456789abcdef0123456789abcdef");
}

TEST(ReadProbes, DerivesLogarithmsAndComparesThoseThatAreGiven) {
  const shard::Row row = row_of(sample_probe());
  EXPECT_EQ(row.log_lr, std::log(1e-3));
  EXPECT_EQ(row.log_b, std::log(32.0));
  EXPECT_EQ(row_of(with(sample_probe(), "log_b", 3.4657359)).log_b,
            std::log(32.0));
  EXPECT_THAT(refusal(with(sample_probe(), "log_b", 4)),
              AllOf(HasSubstr("probes.jsonl:1: log_b is 4"), HasSubstr("3.4")));
}

TEST(ReadProbes, IgnoresHowATrainingCameOut) {
  const shard::Row row = row_of(
      with(with(sample_probe(), "t_star", 77), "stop_reason", "converged"));
  EXPECT_EQ(row.t_star, shard::Row().t_star);
  EXPECT_EQ(row.stop_reason.view(), "");
}

TEST(ReadProbes, TakesANullForMissingAndNamesWhatIsNotMentioned) {
  json probe = sample_probe();
  probe["label_entropy"] = nullptr;
  const ProbedCells probed = read(probe.dump() + "\n" + sample_probe().dump());
  EXPECT_TRUE(std::isnan(probed.cells[0].row.label_entropy));
  EXPECT_TRUE(std::isnan(probed.cells[0].row.train_loss_0));
  EXPECT_THAT(probed.absent, Contains(Pair("label_entropy", 1)));
  EXPECT_THAT(probed.absent, Contains(Pair("train_loss_0", 2)));
  EXPECT_THAT(probed.absent, Contains(Pair("step_seconds", 2)));
  EXPECT_THAT(probed.absent, Not(Contains(Key("set_rank_400"))));
  EXPECT_THAT(read(sample_training()).absent, Contains(Key("set_rank_400")));
}

TEST(ReadProbes, NamesAnUnknownKeyWithItsLine) {
  EXPECT_THAT(refusal(sample_probe().dump() + "\n" +
                      with(sample_probe(), "log_g22", 1).dump()),
              AllOf(HasSubstr("probes.jsonl:2:"), HasSubstr("'log_g22'"),
                    HasSubstr("docs/probe_format.md")));
}

TEST(ReadProbes, NamesAMissingKey) {
  for (const char* const key : {"learning_rate", "batch_size", "epsilon",
                                "log_p", "log_g2", "log_tau"}) {
    const std::string message =
        std::string("probes.jsonl:1: ") + key + " is missing";
    EXPECT_THAT(refusal(without(sample_probe(), key)), HasSubstr(message));
    EXPECT_THAT(refusal(with(sample_probe(), key, nullptr)),
                HasSubstr(message));
  }
}

TEST(ReadProbes, NamesTheLineOfWhatIsNoJson) {
  const std::string good = sample_probe().dump() + "\n";
  for (const char* const bad :
       {"{\"epsilon\": ", "{} {}", "{\"log_p\": NaN}", "{\"log_p\": 1e999}",
        "\xff\xfe", "epsilon=0.1"}) {
    EXPECT_THAT(refusal(good + bad),
                AllOf(HasSubstr("probes.jsonl:2:"), HasSubstr("null")))
        << bad;
  }
  for (const char* const bad : {"[1, 2]", "3", "\"text\"", "null"}) {
    EXPECT_THAT(refusal(good + bad), HasSubstr("probes.jsonl:2: a probe is"))
        << bad;
  }
}

TEST(ReadProbes, RefusesAnEmptyFile) {
  for (const std::string text : {"", "\n \n\t\r\n"}) {
    EXPECT_THAT(refusal(text), HasSubstr("probes.jsonl has no probe"));
  }
}

TEST(ReadProbes, RefusesValuesOfAnotherTypeOrOutOfRange) {
  const std::vector<std::pair<std::string, json>> wrong = {
      {"batch_size", -1},
      {"batch_size", 0},
      {"batch_size", 32.5},
      {"batch_size", "32"},
      {"batch_size", 1ULL << 40},
      {"batch_size", ~0ULL},
      {"learning_rate", 0},
      {"learning_rate", -1e-3},
      {"learning_rate", true},
      {"epsilon", 0},
      {"epsilon", 1},
      {"epsilon", "0.1"},
      {"epsilon", json::array()},
      {"epsilon", {0.1, 2}},
      {"log_g2", "1"},
      {"log_tau", {1}},
      {"classes", -3},
      {"input_size", -3},
      {"inverted", 1},
      {"architecture", 3},
      {"architecture", std::string("a\0b", 3)},
      {"trajectory", std::string(33, 'a')},
      {"task", "guessing"},
      {"target", "epochs"},
      {"criterion", "boredom"},
      {"criterion", "early_stopping"},
      {"optimizer", "lion"},
      {"optimizer_json", "sgd"},
      {"weight_decay", -1},
      {"max_steps", 0},
      {"samples", 1000},
      {"patience", 5}};
  for (const auto& [key, value] : wrong) {
    EXPECT_THAT(refusal(with(sample_probe(), key, value)),
                HasSubstr("probes.jsonl:1: "))
        << key << " " << value;
  }
}

TEST(ReadProbes, RefusesNumbersThatNoProbeGives) {
  const std::vector<std::pair<std::string, double>> wrong = {
      {"step_seconds", -1},   {"convolution_share", 7},
      {"label_entropy", -3},  {"weight_layers", -4},
      {"plateau_window", -5}, {"input_rms", -1},
      {"constant_inputs", 2}, {"neighbour_agreement", 1.5}};
  for (const auto& [key, value] : wrong) {
    const json whole = static_cast<std::int64_t>(value);
    EXPECT_THAT(refusal(with(sample_probe(), key,
                             value == std::floor(value) ? whole : json(value))),
                HasSubstr("probes.jsonl:1: " + key + " must be between"));
  }
  EXPECT_THAT(refusal(with(sample_probe(), "epsilon", json::array({nullptr}))),
              HasSubstr("epsilon must be a number (found null)"));
}

TEST(ReadProbes, KnowsAnOptimizerByItsNameOrItsSettings) {
  shard::Row row = row_of(with(sample_probe(), "optimizer", "sgd"));
  EXPECT_EQ(row.optimizer.view(), "sgd");
  EXPECT_EQ(row.weight_decay, 1e-4);
  const std::string named = row.optimizer_json.str();
  row =
      row_of(with(sample_probe(), "optimizer_json",
                  {{"kind", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.1}}));
  EXPECT_EQ(row.optimizer.view(), "sgd");
  EXPECT_EQ(row.optimizer_json.view(), named);
  EXPECT_EQ(row.weight_decay, 0.1);
  row = row_of(with(sample_probe(), "weight_decay", 0.01));
  EXPECT_EQ(row.optimizer_json.view(), shard::Row().optimizer_json.view());
  EXPECT_EQ(row.weight_decay, 0.01);
  EXPECT_THAT(
      refusal(with(with(sample_probe(), "optimizer", "adam"), "optimizer_json",
                   R"({"kind":"sgd"})")),
      HasSubstr("optimizer is adam, but optimizer_json is that of sgd"));
}

TEST(ReadProbes, TakesDataAsTheyAreUnlessAVariantSaysMore) {
  shard::Row row = row_of(sample_probe());
  EXPECT_EQ(row.label_noise, 0);
  EXPECT_EQ(row.lowres, 1);
  EXPECT_EQ(row.input_scale, 1);
  EXPECT_EQ(row.input_noise, 0);
  row = row_of(with(sample_probe(), "variant",
                    {{"label_noise", 0.25}, {"invert", true}}));
  EXPECT_EQ(row.label_noise, 0.25);
  EXPECT_TRUE(row.inverted);
  EXPECT_EQ(row.lowres, 1);
  for (const json& wrong : {json("noise"), json({{"label_noise", "much"}})}) {
    EXPECT_THAT(refusal(with(sample_probe(), "variant", wrong)),
                HasSubstr("probes.jsonl:1: variant must be"));
  }
}

TEST(ReadProbes, RefusesALossBehindTheEnd) {
  EXPECT_THAT(
      refusal(with(sample_probe(), "first_losses", {2.5, nullptr, 1.5})),
      HasSubstr("nothing follows a null"));
}

TEST(ReadProbes, KeepsTheFirstLosses) {
  const ProbedCells probed =
      read(with(sample_probe(), "first_losses", {2.5, 1.5, nullptr}).dump() +
           "\n" + sample_probe().dump());
  EXPECT_THAT(probed.with_first_losses, ElementsAre(Pair(32, 1)));
  ASSERT_TRUE(probed.cells[0].first_losses);
  const predictor::FirstLosses& losses = *probed.cells[0].first_losses;
  EXPECT_EQ(losses[1], 1.5F);
  EXPECT_TRUE(std::isinf(losses[2]));  // the training has diverged
  EXPECT_TRUE(std::isnan(losses[3]));
  EXPECT_FALSE(probed.cells[1].first_losses);
  const ProbedCells shorter = read(
      with(sample_probe(), "first_losses", std::vector<int>(9, 2)).dump() +
      "\n" +
      with(sample_probe(), "first_losses", std::vector<int>(33, 2)).dump());
  EXPECT_THAT(shorter.with_first_losses, ElementsAre(Pair(8, 1), Pair(32, 1)));
  // They say nothing of early stopping.
  const json stopping_early = with(without(sample_training(), "epsilon"),
                                   "criterion", "early_stopping");
  const ProbedCells stopping =
      read(stopping_early.dump() + "\n" + sample_training().dump());
  EXPECT_EQ(stopping.with_epsilon, 1);
  for (const json& wrong :
       {json(3), json::array(), json(std::vector<int>(34)), json({1, "2"})}) {
    EXPECT_THAT(refusal(with(sample_probe(), "first_losses", wrong)),
                HasSubstr("first_losses must be"))
        << wrong;
  }
}

TEST(ReadProbes, DerivesTheStepsOfAWholeTraining) {
  const ProbedCells probed = read(sample_training());
  EXPECT_EQ(probed.target, "full_training");
  const shard::Row& row = probed.cells.at(0).row;
  EXPECT_EQ(row.steps_per_epoch, 1000 / 32);
  EXPECT_EQ(row.max_epochs, 100);
  EXPECT_EQ(row.max_steps, 100 * (1000 / 32));
  EXPECT_EQ(row.patience, 5);
  EXPECT_TRUE(probed.cells[0].is_whole_training());
  EXPECT_FALSE(probed.cells[0].stops_early());
  EXPECT_THAT(refusal(without(sample_training(), "samples")),
              HasSubstr("samples is missing"));
  EXPECT_THAT(refusal(with(sample_training(), "samples", 31)),
              HasSubstr("at least batch_size"));
  EXPECT_THAT(refusal(with(sample_training(), "samples", 1LL << 60)),
              HasSubstr("samples must be"));
  EXPECT_THAT(refusal(with(sample_training(), "max_epochs", 0)),
              HasSubstr("max_epochs must be at least 1"));
  EXPECT_THAT(refusal(with(sample_training(), "patience", 0)),
              HasSubstr("patience must be at least 1"));
}

TEST(ReadProbes, HasACellForEachPatienceOfEarlyStopping) {
  json probe = without(sample_training(), "epsilon");
  probe["criterion"] = "early_stopping";
  EXPECT_EQ(row_of(probe).patience, 5);
  EXPECT_EQ(row_of(probe).min_delta, 1e-4);
  probe["patience"] = {3, 10};
  const ProbedCells probed = read(probe);
  ASSERT_EQ(probed.cells.size(), 2U);
  EXPECT_EQ(probed.cells[0].row.patience, 3);
  EXPECT_EQ(probed.cells[1].row.patience, 10);
  EXPECT_TRUE(probed.cells[0].stops_early());
  EXPECT_THAT(refusal(with(probe, "epsilon", 0.1)),
              HasSubstr("epsilon is for"));
  EXPECT_THAT(refusal(with(probe, "patience", {5, -1})),
              HasSubstr("patience must be at least 1"));
}

TEST(ReadProbes, HasOneTargetForAllLines) {
  EXPECT_THAT(refusal(sample_probe().dump() + "\n" + sample_training().dump()),
              AllOf(HasSubstr("probes.jsonl:2:"), HasSubstr("full_training"),
                    HasSubstr("batch_steps")));
  EXPECT_THAT(refusal(sample_training().dump(), "batch_steps"),
              HasSubstr("the target is full_training"));
  // A line that names none has the one that is asked for.
  EXPECT_EQ(
      read(without(sample_training(), "target").dump(), "full_training").target,
      "full_training");
}

TEST(CheckCriteria, NamesTheOneThatTheModelLacks) {
  const ProbedCells probed = read(sample_probe());
  EXPECT_THAT(
      [&] { check_criteria(predictor::Predictors{}, probed.cells); },
      testing::ThrowsMessage<UserError>(HasSubstr("criterion epsilon")));
}

}  // namespace
}  // namespace cape::prediction
