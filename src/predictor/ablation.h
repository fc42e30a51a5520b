/// What each group of the extended features is worth.
#pragma once

#include "predictor/comparison.h"
#include "predictor/table.h"

namespace cape {

/// The error of the extended model without one group of features after the
/// other, a family each, under every scheme of the comparison but "test".
Table ablation(const Inputs& inputs, const Comparison& comparison,
               const ComparisonOptions& options);

}  // namespace cape
