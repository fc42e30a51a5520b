/// The model that answers for networks and data that nobody measured. It knows
/// nothing by name: its features are what any network and any data show.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "predictor/data/meta_table.h"
#include "predictor/models/interval.h"
#include "predictor/models/model.h"

namespace cape::predictor {

/// What of a row no fitted row has: the kind of its network
/// (zoo::network_kind), the source of its data, or both.
enum class Novelty { none, kind, source, both };

constexpr auto enum_names(Novelty) {
  using enum Novelty;
  return EnumNames{"novelty",
                   std::to_array<EnumName<Novelty>>({{none, "none"},
                                                     {kind, "kind"},
                                                     {source, "source"},
                                                     {both, "both"}})};
}

/// How far off answers were for rows of one novelty: when kinds, sources or
/// both were left out of the fit in turn. NaN where there was nothing to leave
/// out, or nothing left to fit on.
struct NoveltyErrors {
  static constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  /// Of intervals for the level of the model, times the row's spread; nothing
  /// where there are too few groups for it.
  std::optional<Offsets> offsets;
  /// exp of the median |log(predicted / measured)|.
  double median_factor = kNaN;
  double median_log_error = kNaN;  ///< log(predicted / measured)
  double accuracy = kNaN;          ///< AvgAccuracy, over the converged rows
  /// Share of the rows of a group by the others' offsets.
  double covered = kNaN;
  double ratio = kNaN;  ///< median of upper / lower end of the intervals
  double brier = kNaN;  ///< mean (probability of converging - whether it did)^2
  double auc = kNaN;    ///< see area_under_curve; NaN where all rows converged
  std::int64_t kinds = 0;    ///< left out in turn; 0: none was
  std::int64_t sources = 0;  ///< left out in turn; 0: none was
  std::int64_t rows = 0;
};

struct GeneralModel {
  Model model;
  /// Predicts the logarithm of how far off `model` is for rows of which it has
  /// seen neither the kind nor the source, see log_spread().
  Booster spread;
  Booster convergence;  ///< the log-odds of converging within the cap
  std::map<Novelty, NoveltyErrors> errors;  ///< all four
  std::set<std::string> kinds;              ///< that it was fitted on
  std::set<std::string> datasets;           ///< that it was fitted on
  std::set<std::string> optimizers;         ///< that it was fitted on

  Novelty novelty_of(const MetaTable& table, const MetaRow& row) const;
};

/// What offsets are multiplied by, by GeneralModel::spread, for rows of
/// features.
std::vector<double> spreads_from(const Booster& spread, const Matrix& x);

/// Between 0 and 1, by GeneralModel::convergence, for rows of features.
std::vector<double> probabilities_from(const Booster& convergence,
                                       const Matrix& x);

/// The target of GeneralModel::spread for log(measured / predicted).
float log_spread(double residual);

/// How the general model is fitted, and those of the first steps, whose losses
/// say so much that an embedding of the features adds nothing:
/// docs/predictor.md says how this was chosen. Of whole trainings there are few
/// rows, for which a regression on all features says more than many trees.
ModelSettings general_settings(std::uint64_t seed);
ModelSettings first_steps_settings(std::uint64_t seed);
ModelSettings training_settings(std::uint64_t seed);
BoosterSettings spread_settings(std::uint64_t seed);
BoosterSettings convergence_settings(std::uint64_t seed);

}  // namespace cape::predictor
