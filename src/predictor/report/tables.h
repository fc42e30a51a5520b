/// Everything that cape_fit writes as a table.
#pragma once

#include <string>

#include "predictor/evaluation/table.h"
#include "predictor/report/fit_result.h"

namespace cape::predictor {

/// metrics.json with bootstrap intervals, a row for each group.
Table metrics_table(const FitResult& result);

/// What intervals cover: the share of rows inside, before rounding.
Table coverage_table(const FitResult& result);

/// What could not be computed from the input, and why.
Table unavailable_table(const FitResult& result);

/// How far off the general model was for what was left out, by what that was.
Table general_table(const FitResult& result);

/// The same of a model that knows the losses of so many first steps, and what
/// the general model is worth on its rows.
Table first_steps_table(std::size_t steps, const FirstStepsFit& fitted);

/// The general model and what it is compared with, on what was left out.
Table unseen_table(const FitResult& result);

/// tables/predictions.csv: a line for each trial that was fitted on, with
/// settings, features, measured and predicted steps. A text, since it can be
/// long.
std::string predictions_csv(const FitResult& result);

/// What the model's predictions depend on.
struct Explanation {
  Table importance;     ///< a row per feature: total gain, mean |contribution|
  Table contributions;  ///< a row per trial: what each feature adds to log T*
};
Explanation explain(const FitResult& result);

}  // namespace cape::predictor
