/// Forecasts for people and for programs, on standard output.
#pragma once

#include "forecast/forecast.h"

namespace cape {

/// A table, and what its words mean.
void print_table(const Predictor& predictor, const Forecasts& forecasts);

/// One JSON object: docs/predicting.md.
void print_json(const Predictor& predictor, const Forecasts& forecasts);

}  // namespace cape
