/// Everything that cape_fit writes as a table.
#pragma once

#include <string>

#include "predictor/fit_result.h"
#include "predictor/table.h"

namespace cape {

/// metrics.json with bootstrap intervals, a group a row.
Table metrics_table(const FitResult& result);

/// What intervals come to: the share of rows inside, before rounding.
Table coverage_table(const FitResult& result);

/// What the input cannot give, and why.
Table unavailable_table(const FitResult& result);

/// tables/predictions.csv: a row a trial that was fitted on, with settings,
/// features, measured and predicted steps. A text, since it can be long.
std::string predictions_csv(const FitResult& result);

/// What the model looks at.
struct Explanation {
  Table importance;     ///< a row a feature: total gain, mean |contribution|
  Table contributions;  ///< a row a trial: what each feature adds to log T*
};
Explanation explain(const FitResult& result);

}  // namespace cape
