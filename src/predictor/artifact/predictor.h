/// The predictor in use: what it predicts, how sure it is, and what it has
/// never seen.
#pragma once

#include <cstddef>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "predictor/data/by_family.h"
#include "predictor/data/folds.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/general_model.h"
#include "predictor/models/interval.h"
#include "predictor/models/model.h"

namespace cape::predictor {

/// Raised with every change of cape.json, or of perceptron.json beside it, that
/// readers must know.
inline constexpr int kModelSchemaVersion = 10;

/// What an answer comes from.
enum class AnsweredBy {
  model,        ///< Predictor::model
  general,      ///< Predictor::general
  first_steps,  ///< Predictor::first_steps
  training      ///< the first steps themselves, which have decided
};

constexpr auto enum_names(AnsweredBy) {
  using enum AnsweredBy;
  return EnumNames{"model", std::to_array<EnumName<AnsweredBy>>(
                                {{model, "measured"},
                                 {general, "general"},
                                 {first_steps, "first steps"},
                                 {training, "trained"}})};
}

/// The model that knows the losses of so many first steps.
struct FirstStepsModel {
  std::size_t steps;
  GeneralModel general;
};

/// One row's prediction, from 1 to the cap of its trajectory: of T* in steps,
/// or of a row of early stopping of the best epoch. NaN, as the ends of the
/// interval, where the first steps have shown that a training never gets there.
struct Prediction {
  AnsweredBy answered_by = AnsweredBy::model;
  Novelty novelty = Novelty::none;  ///< of the row, to a model without names
  double steps = 0;
  Interval interval;
  /// The probability of converging within the cap, by a model without names;
  /// NaN: not known.
  double convergence = std::numeric_limits<double>::quiet_NaN();
  /// As the model saw them; NaN: missing. Nothing where no model answered.
  std::vector<float> features;
  /// What each of them adds to log T*, then the constant; the sum is log T*.
  std::vector<float> contributions;
  /// Features outside of the range that the model was fitted on in this family,
  /// and features that this family did not have.
  std::vector<std::string> extrapolated;
  /// "family"; or "dataset", "architecture" and "optimizer": what the model
  /// never saw, of this family; and "settings" where those of its rows are
  /// others. Of the general model: "kind of network", "source of data",
  /// "optimizer" and "settings".
  std::vector<std::string> unseen;
};

struct Predictor {
  Model model;
  double level = 0;  ///< share of the trials that intervals cover
  std::map<SchemeName, ByFamily<Offsets>> offsets{};  ///< by scheme
  RowsByName datasets{};                              ///< that it was fitted on
  /// The same for architectures; "" stands for architectures without a name.
  RowsByName architectures{};
  RowsByName optimizers{};  ///< by their names
  std::string settings{};   ///< of all its rows, see settings_of()
  /// Answers where `model` has not seen a row's network or optimizer.
  std::optional<GeneralModel> general{};
  /// Answers for rows of which the losses of the first steps are known.
  std::optional<FirstStepsModel> first_steps{};

  /// The model without names that answered; null where none did.
  const GeneralModel* general_of(AnsweredBy answered_by) const;

  /// The value of a word of `settings`, such as "target"; empty: none.
  std::string setting(std::string_view name) const;

  /// The model that answered; null where the training itself did.
  const Model* model_of(AnsweredBy answered_by) const;

  /// One prediction for each of `rows`. The interval is that of k folds for the
  /// row's family. If the architecture is new, it is at least as wide as for
  /// architectures left out; if the data set is new, as for data sets left out;
  /// if the family is new or a feature is extrapolated, as for both. Where
  /// there is a general model, it answers if the network or the optimizer is
  /// new; if the data set is, the interval is also at least as wide as that of
  /// rows of which as much is new to it.
  std::vector<Prediction> predict(const MetaTable& table,
                                  std::span<const RowIndex> rows) const;

  /// The same from the losses of the first steps, as many as `first_steps`
  /// knows, where a row has them: exact where these reach the threshold, and
  /// NaN where they are infinite, which no training comes back from; else by
  /// `first_steps`. REQUIRES: first_steps.
  std::vector<Prediction> predict_after_first_steps(
      const MetaTable& table, std::span<const RowIndex> rows) const;

  /// Only their intervals. This is many times faster, since no contributions
  /// are computed.
  std::vector<Interval> intervals(const MetaTable& table,
                                  std::span<const RowIndex> rows) const;
};

/// Reads cape.json, model.json and perceptron.json in `directory`; all files
/// but the first may be compressed by gzip and have .gz behind their name. The
/// model predicts as it did when it was fitted. Throws UserError for a
/// directory without them, for files that are damaged or do not belong
/// together, and for another schema version. Of the models of first steps only
/// that of `first_steps` of them is read (0: none): to read one takes a third
/// of a second.
Predictor load_predictor(const std::filesystem::path& directory,
                         std::size_t first_steps = 0);

/// The file of the model that knows the losses of so many first steps.
std::string first_steps_file(std::size_t steps);

/// Predictors of one target by the criterion that each answers for.
using Predictors = std::map<std::string, Predictor, std::less<>>;

/// Reads what cape_fit wrote to its --out: one predictor, or one in a folder
/// for each criterion. Where `directory` has a folder named as the target, as
/// data/model has, it is that folder which is read. Throws UserError as
/// load_predictor, and for a directory that has nothing for the target.
Predictors load_predictors(const std::filesystem::path& directory,
                           const std::string& target,
                           std::size_t first_steps = 0);

}  // namespace cape::predictor
