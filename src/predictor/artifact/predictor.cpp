#include "predictor/artifact/predictor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string_view>

#include "core/error.h"

namespace cape::predictor {
namespace {

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

/// Whether the model was fitted on probes in training mode, and the row has
/// none.
bool lacks_training_mode(const Predictor& predictor, const MetaRow& row) {
  if (!std::isnan(row.general.log_steps[0])) return false;
  const Model& model = predictor.model;
  for (std::size_t j = 0; j < model.features.size(); ++j) {
    if (is_of_training_mode_steps(model.features.features[j]) &&
        !std::isnan(model.ranges.overall[j].first)) {
      return true;
    }
  }
  return false;
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
  if (lacks_training_mode(predictor, row)) what.emplace_back("probe");
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
      contains(one.unseen, "optimizer") || contains(one.unseen, "settings") ||
      contains(one.unseen, "probe");
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
/// first model has not seen, and for whole trainings.
bool is_for_general(const Predictor& predictor, const MetaRow& row,
                    const Prediction& one) {
  if (!predictor.general || !has_general_features(row)) return false;
  // Of whole trainings both have the same features, and this one also knows how
  // likely it is to converge.
  return is_whole_training(row) || contains(one.unseen, "family") ||
         contains(one.unseen, "architecture") ||
         contains(one.unseen, "optimizer");
}

/// Whether the general model says how sure the first model's answer is: that
/// has been tried on a few data sets, this one on many.
bool needs_general_interval(const Predictor& predictor, const MetaRow& row,
                            const Prediction& one) {
  return one.answered_by == AnsweredBy::model && predictor.general &&
         has_general_features(row) && contains(one.unseen, "dataset");
}

/// What the boosters of a model without names say of a row.
struct GeneralAnswer {
  float log_steps;
  double spread;
  double convergence;
};

/// Within so many deviations is the share `level` of a normal distribution.
double deviations_within(double level) {
  double least = 0, greatest = 10;
  for (int i = 0; i < 50; ++i) {
    const double middle = (least + greatest) / 2;
    (std::erf(middle / std::sqrt(2.0)) < level ? least : greatest) = middle;
  }
  return least;
}

/// The probability that a count comes before the cap of its row, where
/// logarithms of counts are normal around the prediction and the share `level`
/// of them is between the offsets. Early stopping must come before the last
/// epoch.
double probability_within_cap(double log_count, const Offsets& offsets,
                              double level, double spread, const MetaRow& row) {
  double cap = row.max_steps;
  if (row.counts_epochs) cap -= std::exp(row.training.log_patience);
  if (cap < 1) return 0;
  const double deviation =
      (offsets.upper - offsets.lower) / 2 / deviations_within(level) * spread;
  return std::erfc((log_count - std::log(cap)) / deviation / std::sqrt(2.0)) /
         2;
}

/// Sets what is new, the probability of converging, and around one.steps the
/// interval of rows of which as much is new; from 1 step to the cap where too
/// few groups were left out to say more.
void say_how_sure(const GeneralModel& general, double level,
                  const MetaTable& table, const MetaRow& row,
                  const GeneralAnswer& answer, Prediction& one) {
  one.novelty = general.novelty_of(table, row);
  one.convergence = answer.convergence;
  const auto& offsets = general.errors.at(one.novelty).offsets;
  if (is_whole_training(row) && offsets) {
    one.convergence = std::min(
        one.convergence, probability_within_cap(answer.log_steps, *offsets,
                                                level, answer.spread, row));
  }
  const auto end = [&](double offset) {
    return steps_from_log(std::log(one.steps) + offset * answer.spread, row);
  };
  one.interval = offsets ? Interval{end(offsets->lower), end(offsets->upper)}
                         : Interval{1, clip_steps(row.max_steps, row)};
}

/// The general model's own answer.
void predict_generally(const GeneralModel& general, const Predictor& predictor,
                       const MetaTable& table, const MetaRow& row,
                       const GeneralAnswer& answer, Prediction& one) {
  one.steps = steps_from_log(answer.log_steps, row);
  say_how_sure(general, predictor.level, table, row, answer, one);
  one.unseen.clear();
  const Novelty novelty = one.novelty;
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
}

/// The rows for which `wanted`, and their predictions.
struct Share {
  std::vector<RowIndex> rows;
  std::vector<Prediction*> predictions;
};

template <class Wanted>
Share share_of(std::span<const RowIndex> rows,
               std::vector<Prediction>& predictions, Wanted wanted) {
  Share share;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!wanted(rows[i], predictions[i])) continue;
    share.rows.push_back(rows[i]);
    share.predictions.push_back(&predictions[i]);
  }
  return share;
}

std::vector<GeneralAnswer> answers_of(const GeneralModel& general,
                                      const MetaTable& table,
                                      std::span<const RowIndex> rows,
                                      const Matrix& x) {
  const std::vector<float> logs = general.model.predict_log(table, rows);
  const std::vector<double> spreads = spreads_from(general.spread, x);
  const std::vector<double> probabilities =
      probabilities_from(general.convergence, x);
  std::vector<GeneralAnswer> answers;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    answers.push_back({logs[i], spreads[i], probabilities[i]});
  }
  return answers;
}

/// Lets a model without names answer for these rows.
void let_answer(AnsweredBy answered_by, const Predictor& predictor,
                const MetaTable& table, const Share& share) {
  if (share.rows.empty()) return;
  const GeneralModel& general = *predictor.general_of(answered_by);
  const Model& model = general.model;
  const Matrix x = feature_matrix(table, share.rows, model.features);
  const auto answers = answers_of(general, table, share.rows, x);
  for (std::size_t i = 0; i < share.rows.size(); ++i) {
    Prediction& one = *share.predictions[i];
    one.answered_by = answered_by;
    one.features.assign(x.row(i).begin(), x.row(i).end());
    one.extrapolated =
        extrapolated(x.row(i), model.ranges.overall, model.features);
    predict_generally(general, predictor, table, table.rows[share.rows[i]],
                      answers[i], one);
  }
}

/// Lets the general model say how sure the first model's answers are: the
/// interval is as wide as either of them wants it.
void let_say_how_sure(const Predictor& predictor, const MetaTable& table,
                      const Share& share) {
  if (share.rows.empty()) return;
  const GeneralModel& general = *predictor.general;
  const auto answers =
      answers_of(general, table, share.rows,
                 feature_matrix(table, share.rows, general.model.features));
  for (std::size_t i = 0; i < share.rows.size(); ++i) {
    Prediction& one = *share.predictions[i];
    const Interval own = one.interval;
    say_how_sure(general, predictor.level, table, table.rows[share.rows[i]],
                 answers[i], one);
    one.interval = {std::min(own.lower, one.interval.lower),
                    std::max(own.upper, one.interval.upper)};
  }
}

/// L_0, L_1, ... after each of so many first steps.
std::span<const float> losses_of(const MetaRow& row, std::size_t steps) {
  return std::span(row.first_losses).first(steps + 1);
}

/// The first of so many steps within the cap at which the loss is at most
/// epsilon L_0.
std::optional<std::size_t> reached_at(const MetaRow& row, std::size_t steps) {
  const std::span<const float> losses = losses_of(row, steps);
  const double threshold = row.epsilon * losses.front();
  if (!std::isfinite(threshold)) return std::nullopt;
  // The cap of steps on one batch is one of losses, L_0 among them.
  const std::size_t end = std::min<std::size_t>(
      losses.size(), static_cast<std::size_t>(row.max_steps) +
                         (is_whole_training(row) ? 1 : 0));
  for (std::size_t t = 1; t < end; ++t) {
    if (losses[t] <= threshold) return t;
  }
  return std::nullopt;
}

/// Whether one of these losses is infinite: the training has ended before.
bool has_ended(const MetaRow& row, std::size_t steps) {
  return std::ranges::any_of(losses_of(row, steps),
                             [](float loss) { return std::isinf(loss); });
}

/// The threshold was not reached in so many steps.
void keep_after(std::size_t steps, const MetaRow& row, Prediction& one) {
  const double least = clip_steps(static_cast<double>(steps + 1), row);
  for (double* const count :
       {&one.steps, &one.interval.lower, &one.interval.upper}) {
    *count = std::max(*count, least);
  }
}

/// What the training itself has shown: that it reaches the threshold, or that
/// it never will.
Prediction from_training(std::optional<std::size_t> steps, const MetaRow& row) {
  Prediction one;
  one.answered_by = AnsweredBy::training;
  one.steps = steps ? clip_steps(static_cast<double>(*steps), row)
                    : std::numeric_limits<double>::quiet_NaN();
  one.interval = {one.steps, one.steps};
  one.convergence = steps ? 1 : 0;
  return one;
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
  if (predictor.general) {
    let_answer(
        AnsweredBy::general, predictor, table,
        share_of(rows, predictions, [&](RowIndex i, const Prediction& one) {
          return is_for_general(predictor, table.rows[i], one);
        }));
    let_say_how_sure(
        predictor, table,
        share_of(rows, predictions, [&](RowIndex i, const Prediction& one) {
          return needs_general_interval(predictor, table.rows[i], one);
        }));
  }
  return predictions;
}

void add_contributions(const Predictor& predictor, const MetaTable& table,
                       std::span<const RowIndex> rows,
                       std::vector<Prediction>& predictions) {
  for (const AnsweredBy answered_by :
       {AnsweredBy::model, AnsweredBy::general, AnsweredBy::first_steps}) {
    const Share share =
        share_of(rows, predictions, [&](RowIndex, const Prediction& one) {
          return one.answered_by == answered_by;
        });
    if (share.rows.empty()) continue;
    const Matrix shares =
        predictor.model_of(answered_by)->contributions(table, share.rows);
    for (std::size_t i = 0; i < share.rows.size(); ++i) {
      share.predictions[i]->contributions.assign(shares.row(i).begin(),
                                                 shares.row(i).end());
    }
  }
}

}  // namespace

std::string Predictor::setting(std::string_view name) const {
  std::istringstream words(settings);
  for (std::string word; words >> word;) {
    if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
      return word.substr(name.size() + 1);
    }
  }
  return "";
}

const GeneralModel* Predictor::general_of(AnsweredBy answered_by) const {
  if (answered_by == AnsweredBy::general) return &*general;
  return answered_by == AnsweredBy::first_steps ? &first_steps->general
                                                : nullptr;
}

const Model* Predictor::model_of(AnsweredBy answered_by) const {
  if (answered_by == AnsweredBy::model) return &model;
  const GeneralModel* const general_model = general_of(answered_by);
  return general_model == nullptr ? nullptr : &general_model->model;
}

std::vector<Prediction> Predictor::predict(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  std::vector<Prediction> predictions = predict_only(*this, table, rows);
  add_contributions(*this, table, rows, predictions);
  return predictions;
}

std::vector<Prediction> Predictor::predict_after_first_steps(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  if (!first_steps) fail("no model of the first steps");
  const std::size_t steps = first_steps->steps;
  std::vector<Prediction> predictions = predict_only(*this, table, rows);
  let_answer(AnsweredBy::first_steps, *this, table,
             share_of(rows, predictions, [&](RowIndex i, const Prediction&) {
               return has_first_losses(table.rows[i], steps) &&
                      has_general_features(table.rows[i]);
             }));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MetaRow& row = table.rows[rows[i]];
    const auto reached = reached_at(row, steps);
    if (reached || has_ended(row, steps)) {
      predictions[i] = from_training(reached, row);
    } else if (has_first_losses(row, steps)) {
      keep_after(steps, row, predictions[i]);
    }
  }
  add_contributions(*this, table, rows, predictions);
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
