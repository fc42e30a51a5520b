/// The paper's tables and its Figure 1, made from the given rows, with the
/// paper's own figures beside them.
#pragma once

#include <cstdint>
#include <vector>

#include "predictor/evaluation/comparison.h"
#include "predictor/evaluation/table.h"

namespace cape::predictor {

/// "table1" ... "table4" and "figure1". Notes say where the authors' scripts
/// differ from the paper's text, and why a figure is not available.
std::vector<Table> paper_tables(const Inputs& inputs,
                                const Comparison& comparison,
                                std::uint64_t seed);

}  // namespace cape::predictor
