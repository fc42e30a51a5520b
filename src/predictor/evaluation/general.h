/// Fits the general model and finds out how good its answers are for what was
/// left out.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "predictor/data/features.h"
#include "predictor/data/meta_table.h"
#include "predictor/data/sources.h"
#include "predictor/models/general_model.h"

namespace cape::predictor {

struct GeneralFit {
  GeneralModel model;
  /// Steps, one a row of the table, by a model that was fitted without the
  /// row's trajectory, the kind of its network, the source of its data, or
  /// both; NaN for rows that the model is not fitted on.
  std::map<Novelty, std::vector<double>> predicted;
};

/// Fits on the given rows, which have the features, by `settings`, whose seed
/// is that of all draws; nothing where those that
/// converged are of fewer than kFewestTrajectories. `level` is the share of the
/// rows that intervals cover.
std::optional<GeneralFit> fit_general(const MetaTable& table,
                                      std::span<const RowIndex> rows,
                                      const FeatureSet& features,
                                      const Sources& sources, double level,
                                      const ModelSettings& settings);

/// How far off steps are that were predicted, one a row of the table; of those
/// of `rows` that converged and have a prediction. NaN where there are none.
struct StepErrors {
  double accuracy = std::numeric_limits<double>::quiet_NaN();  ///< AvgAccuracy
  /// exp of the median |log(predicted / measured)|.
  double median_factor = std::numeric_limits<double>::quiet_NaN();
  double median_log_error = std::numeric_limits<double>::quiet_NaN();
};
StepErrors step_errors(const MetaTable& table, std::span<const RowIndex> rows,
                       const std::vector<double>& predicted);

/// The offsets within which a share `level` of the rows of a new group lies, as
/// far as the given groups tell: each counts the same, whatever its rows, and
/// the new one counts as one more. Nothing where the groups are too few.
/// `residuals` are log(measured / predicted), each over the row's spread,
/// `groups` the group of each.
std::optional<Offsets> group_offsets(std::span<const double> residuals,
                                     std::span<const std::uint32_t> groups,
                                     double level);

}  // namespace cape::predictor
