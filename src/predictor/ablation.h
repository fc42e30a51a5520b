/// How much each group of the extended features helps.
#pragma once

#include "predictor/comparison.h"
#include "predictor/table.h"

namespace cape {

/// The errors of the extended model without one group of features after the
/// other, by family, under every scheme of the comparison except "test".
Table ablation(const Inputs& inputs, const Comparison& comparison,
               const ComparisonOptions& options);

}  // namespace cape
