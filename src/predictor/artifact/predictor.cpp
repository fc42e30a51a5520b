#include "predictor/artifact/predictor.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace cape::predictor {
namespace {

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

/// The data sets of other families say little about this one.
std::vector<std::string> unseen(const Predictor& predictor,
                                const MetaTable& table, const MetaRow& row) {
  const std::string& family = table.family(row);
  if (!predictor.architectures.contains(family)) return {"family"};
  std::vector<std::string> what;
  const auto& architectures = predictor.architectures.at(family);
  if (!architectures.contains("") &&
      !architectures.contains(table.architecture(row))) {
    what.emplace_back("architecture");
  }
  if (!predictor.datasets.at(family).contains(table.dataset(row))) {
    what.emplace_back("dataset");
  }
  const auto optimizers = predictor.optimizers.find(family);
  if (optimizers == predictor.optimizers.end() ||
      !optimizers->second.contains(table.optimizer(row))) {
    what.emplace_back("optimizer");
  }
  if (table.settings(row) != predictor.settings) what.emplace_back("settings");
  return what;
}

/// The features outside of `ranges`, those of the row's family. Every value is
/// outside of NaN, the range of a feature that the family did not have.
std::vector<std::string> extrapolated(std::span<const float> row,
                                      const Ranges& ranges,
                                      const FeatureSet& features) {
  std::vector<std::string> names;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const auto& [least, most] = ranges[j];
    if (std::isnan(row[j]) || (least <= row[j] && row[j] <= most)) continue;
    names.emplace_back(features.features[j].name);
  }
  return names;
}

/// The schemes whose errors are to be expected for a row.
std::vector<SchemeName> schemes_for(const Prediction& one) {
  const bool strange =
      !one.extrapolated.empty() || contains(one.unseen, "family") ||
      contains(one.unseen, "optimizer") || contains(one.unseen, "settings");
  std::vector<SchemeName> schemes = {SchemeName::kfold};
  if (strange || contains(one.unseen, "dataset")) {
    schemes.push_back(SchemeName::leave_one_dataset_out);
  }
  if (strange || contains(one.unseen, "architecture")) {
    schemes.push_back(SchemeName::leave_one_architecture_out);
  }
  return schemes;
}

Offsets widest(const Predictor& predictor, const std::string& family,
               const std::vector<SchemeName>& schemes) {
  Offsets widest;
  for (const SchemeName scheme : schemes) {
    const auto found = predictor.offsets.find(scheme);
    // With a single data set, for example, none could be left out.
    if (found == predictor.offsets.end()) continue;
    const Offsets& offsets = found->second.of(family);
    widest.lower = std::min(widest.lower, offsets.lower);
    widest.upper = std::max(widest.upper, offsets.upper);
  }
  return widest;
}

/// Whether the general model answers: for a network or an optimizer that the
/// first model has not seen, and for new data if it knows the kind of network.
bool is_for_general(const Predictor& predictor, const MetaTable& table,
                    const MetaRow& row, const Prediction& one) {
  if (!predictor.general || !has_general_features(row)) return false;
  if (contains(one.unseen, "family") || contains(one.unseen, "architecture") ||
      contains(one.unseen, "optimizer")) {
    return true;
  }
  return contains(one.unseen, "dataset") &&
         predictor.general->kinds.contains(table.kind(row));
}

/// The steps, and the interval of rows of which as much is new; from 1 step to
/// the cap where too few groups were left out to say more.
void predict_generally(const Predictor& predictor, const MetaTable& table,
                       RowIndex index, std::span<const float> features,
                       float log_steps, Prediction& one) {
  const GeneralModel& general = *predictor.general;
  const MetaRow& row = table.rows[index];
  one.is_general = true;
  one.features.assign(features.begin(), features.end());
  one.extrapolated = extrapolated(features, general.model.ranges.overall,
                                  general.model.features);
  one.unseen.clear();
  const Novelty novelty = one.novelty = general.novelty_of(table, row);
  if (novelty == Novelty::kind || novelty == Novelty::both) {
    one.unseen.emplace_back("kind of network");
  }
  if (novelty == Novelty::source || novelty == Novelty::both) {
    one.unseen.emplace_back("source of data");
  }
  if (!general.optimizers.contains(table.optimizer(row))) {
    one.unseen.emplace_back("optimizer");
  }
  if (table.settings(row) != predictor.settings) {
    one.unseen.emplace_back("settings");
  }
  one.steps = steps_from_log(log_steps, row);
  const double centre = std::log(one.steps);
  const auto& offsets = general.errors.at(novelty).offsets;
  one.interval = offsets
                     ? Interval{steps_from_log(centre + offsets->lower, row),
                                steps_from_log(centre + offsets->upper, row)}
                     : Interval{1, clip_steps(row.max_steps, row)};
}

/// Lets the general model answer where it should.
void add_general(const Predictor& predictor, const MetaTable& table,
                 std::span<const RowIndex> rows,
                 std::vector<Prediction>& predictions) {
  std::vector<RowIndex> general_rows;
  std::vector<Prediction*> its_predictions;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!is_for_general(predictor, table, table.rows[rows[i]],
                        predictions[i])) {
      continue;
    }
    general_rows.push_back(rows[i]);
    its_predictions.push_back(&predictions[i]);
  }
  if (general_rows.empty()) return;
  const Model& model = predictor.general->model;
  const Matrix x = feature_matrix(table, general_rows, model.features);
  const std::vector<float> logs = model.predict_log(table, general_rows);
  for (std::size_t i = 0; i < general_rows.size(); ++i) {
    predict_generally(predictor, table, general_rows[i], x.row(i), logs[i],
                      *its_predictions[i]);
  }
}

/// Everything except the contributions.
std::vector<Prediction> predict_only(const Predictor& predictor,
                                     const MetaTable& table,
                                     std::span<const RowIndex> rows) {
  const Model& model = predictor.model;
  const Matrix x = feature_matrix(table, rows, model.features);
  const std::vector<float> logs = model.predict_log(table, rows);
  std::vector<Prediction> predictions(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Prediction& one = predictions[i];
    const MetaRow& row = table.rows[rows[i]];
    const std::string& family = table.family(row);
    one.features.assign(x.row(i).begin(), x.row(i).end());
    one.extrapolated =
        extrapolated(x.row(i), model.ranges.of(family), model.features);
    one.unseen = unseen(predictor, table, row);
    const auto [lower, upper] = widest(predictor, family, schemes_for(one));
    one.steps = steps_from_log(logs[i], row);
    // Around the clipped prediction, which is what was calibrated.
    const double centre = std::log(one.steps);
    one.interval = {steps_from_log(centre + lower, row),
                    steps_from_log(centre + upper, row)};
  }
  add_general(predictor, table, rows, predictions);
  return predictions;
}

}  // namespace

std::vector<Prediction> Predictor::predict(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  std::vector<Prediction> predictions = predict_only(*this, table, rows);
  for (const bool is_general : {false, true}) {
    std::vector<RowIndex> its_rows;
    std::vector<Prediction*> its_predictions;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (predictions[i].is_general != is_general) continue;
      its_rows.push_back(rows[i]);
      its_predictions.push_back(&predictions[i]);
    }
    if (its_rows.empty()) continue;
    const Matrix shares =
        model_of(*its_predictions.front()).contributions(table, its_rows);
    for (std::size_t i = 0; i < its_rows.size(); ++i) {
      its_predictions[i]->contributions.assign(shares.row(i).begin(),
                                               shares.row(i).end());
    }
  }
  return predictions;
}

std::vector<Interval> Predictor::intervals(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  std::vector<Interval> intervals;
  for (const Prediction& one : predict_only(*this, table, rows)) {
    intervals.push_back(one.interval);
  }
  return intervals;
}

}  // namespace cape::predictor
