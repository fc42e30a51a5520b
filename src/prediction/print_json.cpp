#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json.h"
#include "prediction/print.h"
#include "trial/target.h"

namespace cape::prediction {
namespace {

using Json = nlohmann::ordered_json;  // people read it too

/// The values by name, NaN as null; empty where no model answered.
Json by_name(const std::vector<std::string>& names,
             const std::vector<float>& values) {
  Json json = Json::object();
  for (std::size_t j = 0; j < values.size(); ++j) json[names[j]] = values[j];
  return json;
}

/// The features of the model that answered, then the constant.
std::vector<std::string> names_of(const predictor::Predictor& predictor,
                                  const predictor::Prediction& prediction) {
  const predictor::Model* const model =
      predictor.model_of(prediction.answered_by);
  if (model == nullptr) return {};
  std::vector<std::string> names = model->features.names();
  names.emplace_back("constant");
  return names;
}

/// Every number that the probe gave, by the name of its column.
Json probe_json(const shard::Row& row) {
  Json json = Json::object();
  for (const shard::Column& column : shard::columns()) {
    if (column.stability != shard::Stability::probe ||
        column.type != shard::ColumnType::float64) {
      continue;
    }
    double value = 0;
    std::memcpy(&value, shard::bytes_at(row, column).data(), sizeof value);
    json[std::string(column.name)] = value;
  }
  return json;
}

Json measured_json(const CellPrediction& cell) {
  const shard::Row& row = cell.row;
  Json json = {{"t_star", row.t_star},
               {"converged", row.converged},
               {"stop_reason", row.stop_reason.view()},
               {"steps_run", row.steps_run},
               {"seconds", cell.measured_seconds()}};
  if (cell.is_whole_training()) {
    json.update({{"epochs", row.epochs},
                 {"best_epoch", row.best_epoch},
                 {"validation_loss", row.validation_loss},
                 {"validation_accuracy", row.validation_accuracy}});
  }
  return json;
}

/// What a whole training has beside steps on one batch.
void add_training(const CellPrediction& cell, Json& json) {
  const shard::Row& row = cell.row;
  const double epoch = row.steps_per_epoch;
  const auto& [lower, upper] = cell.steps_interval();
  json.update({{"patience", row.patience},
               {"min_delta", row.min_delta},
               {"max_epochs", row.max_epochs},
               {"samples", row.samples},
               {"validation_samples", row.validation_samples},
               {"steps_per_epoch", row.steps_per_epoch},
               {"evaluation_seconds", row.evaluation_seconds},
               {"epochs", cell.steps() / epoch},
               {"epochs_interval", {lower / epoch, upper / epoch}}});
  if (!cell.stops_early()) return;
  const predictor::Prediction& best = cell.prediction;
  json["best_epoch"] = best.steps;
  json["best_epoch_interval"] = {best.interval.lower, best.interval.upper};
}

Json to_json(const predictor::Predictors& predictors,
             const CellPrediction& cell) {
  const predictor::Predictor& predictor =
      predictors.find(cell.row.criterion.view())->second;
  const shard::Row& row = cell.row;
  const predictor::Prediction& prediction = cell.prediction;
  const std::vector<std::string> names = names_of(predictor, prediction);
  const predictor::Interval steps = cell.steps_interval();
  Json json = {{"trajectory", row.trajectory.view()},
               {"family", row.family.view()},
               {"architecture", row.architecture.view()},
               {"architecture_json", row.architecture_json.view()},
               {"dataset", row.dataset.view()},
               {"variant", row.variant.view()},
               {"task", row.task.view()},
               {"target", row.target.view()},
               {"criterion", row.criterion.view()},
               {"optimizer", row.optimizer.view()},
               {"optimizer_json", row.optimizer_json.view()},
               {"weight_decay", row.weight_decay},
               {"max_steps", row.max_steps},
               {"learning_rate", row.learning_rate},
               {"batch_size", row.batch_size},
               {"epsilon", row.epsilon},
               {"trial", row.trial},
               {"log_p", row.log_p},
               {"log_n", row.log_n},
               {"classes", row.classes},
               {"input_size", row.input_size},
               {"initial_loss", row.initial_loss},
               {"t_star", cell.steps()},
               {"interval", {steps.lower, steps.upper}},
               {"convergence", prediction.convergence},
               {"model", to_string(prediction.answered_by)},
               {"seconds", cell.seconds()},
               {"step_seconds", row.step_seconds},
               {"probe_seconds", row.probe_seconds},
               {"device", row.device.view()},
               {"threads", row.threads},
               {"probe", probe_json(row)},
               {"features", by_name(names, prediction.features)},
               {"contributions", by_name(names, prediction.contributions)},
               {"extrapolated", prediction.extrapolated},
               {"unseen", prediction.unseen}};
  if (cell.is_whole_training()) add_training(cell, json);
  if (cell.measured) json["measured"] = measured_json(cell);
  return json;
}

}  // namespace

void print_json(const predictor::Predictors& predictors,
                const GridPrediction& predicted) {
  const predictor::Predictor& first = predictors.begin()->second;
  Json json = {
      {"t_star_is", first.setting("target") == trial::FullTraining::kName
                        ? "optimizer steps of a training on the whole data set"
                        : "optimizer steps on one fixed batch"},
      {"level", first.level},
      {"assumed",
       "a constant learning rate; no schedule, augmentation, mixed "
       "precision or pretraining"},
      {"predictions", Json::array()},
      {"failed", Json::array()}};
  for (const CellPrediction& cell : predicted.cells) {
    json["predictions"].push_back(to_json(predictors, cell));
  }
  for (const FailedPrediction& failed : predicted.failed) {
    json["failed"].push_back({{"what", failed.what}, {"error", failed.error}});
  }
  fmt::print("{}\n", to_text(json, 2));
}

}  // namespace cape::prediction
