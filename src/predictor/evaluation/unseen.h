/// Regressors compared on kinds of networks and sources of data that they have
/// not seen.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "predictor/data/meta_table.h"
#include "predictor/data/sources.h"
#include "predictor/evaluation/bootstrap.h"
#include "predictor/evaluation/regressor.h"
#include "predictor/models/general_model.h"

namespace cape::predictor {

/// How far one regressor is off for rows of one novelty. Only rows that
/// converged count.
struct UnseenScore {
  Novelty novelty;
  std::string model;        ///< "general", "constant", ...
  std::string description;  ///< of the model, for people
  std::int64_t rows = 0;
  double accuracy = 0;  ///< AvgAccuracy
  double log_mae = 0;   ///< mean |log(predicted / measured)|
  double median_factor = 0;
  double median_log_error = 0;  ///< log(predicted / measured)
  double log_correlation = 0;   ///< Pearson's r of the logarithms
  /// Of the logarithms after what one epoch has of steps is taken off; NaN of
  /// rows that are no whole trainings, or that count epochs.
  double epoch_correlation = 0;
  /// 95 %: over samples of the groups that are new, with replacement.
  MetricInterval accuracy_interval, log_mae_interval;
};

/// The scores of each regressor under each novelty; of `general` as its own fit
/// has predicted. Scores of a novelty are of the rows that the general model
/// predicted.
std::vector<UnseenScore> compare_unseen(
    const MetaTable& table, std::span<const RowIndex> rows,
    const Sources& sources,
    const std::map<Novelty, std::vector<double>>& general,
    const std::vector<Regressor>& others, std::uint64_t seed);

}  // namespace cape::predictor
