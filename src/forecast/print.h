/// Prints forecasts on standard output, for people and for programs.
#pragma once

#include "forecast/forecast.h"

namespace cape {

/// Prints a table, and what its words mean.
void print_table(const Predictor& predictor, const Forecasts& forecasts);

/// Prints one JSON object: docs/predicting.md.
void print_json(const Predictor& predictor, const Forecasts& forecasts);

}  // namespace cape
