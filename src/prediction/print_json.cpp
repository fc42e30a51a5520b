#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

#include "core/json.h"
#include "prediction/print.h"

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

Json measured_json(const shard::Row& row) {
  return {{"t_star", row.t_star},
          {"converged", row.converged},
          {"stop_reason", row.stop_reason.view()},
          {"steps_run", row.steps_run},
          {"seconds", row.t_star * row.step_seconds}};
}

Json to_json(const predictor::Predictor& predictor,
             const CellPrediction& cell) {
  const shard::Row& row = cell.row;
  const predictor::Prediction& prediction = cell.prediction;
  const std::vector<std::string> names = names_of(predictor, prediction);
  Json json = {
      {"trajectory", row.trajectory.view()},
      {"family", row.family.view()},
      {"architecture", row.architecture.view()},
      {"architecture_json", row.architecture_json.view()},
      {"dataset", row.dataset.view()},
      {"variant", row.variant.view()},
      {"optimizer", row.optimizer.view()},
      {"optimizer_json", row.optimizer_json.view()},
      {"weight_decay", row.weight_decay},
      {"max_steps", row.max_steps},
      {"learning_rate", row.learning_rate},
      {"batch_size", row.batch_size},
      {"epsilon", row.epsilon},
      {"trial", row.trial},
      {"t_star", prediction.steps},
      {"interval", {prediction.interval.lower, prediction.interval.upper}},
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
  if (cell.measured) json["measured"] = measured_json(row);
  return json;
}

}  // namespace

void print_json(const predictor::Predictor& predictor,
                const GridPrediction& predicted) {
  Json json = {{"t_star_is", "optimizer steps on one fixed batch"},
               {"level", predictor.level},
               {"assumed",
                "a constant learning rate; no schedule, augmentation, mixed "
                "precision or pretraining"},
               {"predictions", Json::array()},
               {"failed", Json::array()}};
  for (const CellPrediction& cell : predicted.cells) {
    json["predictions"].push_back(to_json(predictor, cell));
  }
  for (const FailedPrediction& failed : predicted.failed) {
    json["failed"].push_back({{"what", failed.what}, {"error", failed.error}});
  }
  fmt::print("{}\n", to_text(json, 2));
}

}  // namespace cape::prediction
