/// Prints predictions on standard output, for people and for programs.
#pragma once

#include "prediction/predict_grid.h"

namespace cape::prediction {

/// Prints a table, and what its words mean.
void print_table(const predictor::Predictors& predictors,
                 const GridPrediction& predicted);

/// Prints one JSON object: docs/predicting.md.
void print_json(const predictor::Predictors& predictors,
                const GridPrediction& predicted);

}  // namespace cape::prediction
