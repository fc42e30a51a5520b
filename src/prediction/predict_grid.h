/// Predicts the cells of a grid with a model, from probes alone.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "grid/grid.h"
#include "prediction/cell.h"
#include "predictor/artifact/predictor.h"

namespace cape::prediction {

/// A trajectory without a prediction.
struct FailedPrediction {
  std::string what;  ///< "mlp_2x64 on mnist, learning rate 0.001, ..."
  std::string error;
};

struct GridPrediction {
  std::vector<CellPrediction> cells;  ///< in the grid's order
  std::vector<FailedPrediction> failed;
};

struct PredictionOptions {
  std::filesystem::path trainer;  ///< cape_trainer
  bool measure = false;           ///< also train
  std::size_t first_steps = 0;    ///< > 0: also take so many of each training
};

/// Lets trainers of this machine probe every trajectory of `grid` and time a
/// few of its steps without training it (or train it, with options.measure),
/// and asks the predictor of each criterion. With options.first_steps the
/// losses of these steps count, too, for criteria whose predictor has a model
/// for them. `progress` is told how many trajectories are done. Throws
/// UserError when no trainer can be started. Criteria without a predictor are
/// left out, with a warning; throws UserError where there is none for any.
GridPrediction predict_grid(
    const predictor::Predictors& predictors, const grid::Grid& grid,
    const PredictionOptions& options,
    const std::function<void(std::size_t answered)>& progress);

}  // namespace cape::prediction
