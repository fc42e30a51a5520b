/// Predicts the cells of a grid with a model, from probes alone.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "grid/grid.h"
#include "predictor/artifact/predictor.h"
#include "shard/schema.h"

namespace cape::prediction {

/// One cell: what the probe measured, what the model predicts, and with
/// `measure` the result of a training.
struct CellPrediction {
  /// The row of a shard. Its outcome
  /// (t_star, ...) is filled in only if it was measured.
  shard::Row row;
  predictor::Prediction prediction;
  bool measured = false;
  /// Of the first steps, where they were taken.
  std::optional<predictor::FirstLosses> first_losses = {};

  /// Whether the training is one on a whole data set.
  bool is_whole_training() const { return row.steps_per_epoch > 0; }

  /// Whether the row is one of early stopping: then the prediction is that of
  /// the best epoch, and the training ends `patience` epochs after it.
  bool stops_early() const;

  /// What is predicted, in optimizer steps to the end of the row's criterion.
  double steps() const { return steps_for(prediction.steps); }
  predictor::Interval steps_interval() const {
    return {steps_for(prediction.interval.lower),
            steps_for(prediction.interval.upper)};
  }

  /// Predicted: the time of the steps, and of a whole training that of the
  /// evaluations after its epochs; not of looks at the training loss, which
  /// only a farm needs.
  double seconds() const { return seconds_for(steps()); }
  double measured_seconds() const { return seconds_for(row.t_star); }

 private:
  double steps_for(double count) const;
  double seconds_for(double steps) const;
};

/// A trajectory without a prediction.
struct FailedPrediction {
  std::string what;  ///< "mlp_2x64 on mnist, learning rate 0.001, ..."
  std::string error;
};

struct GridPrediction {
  std::vector<CellPrediction> cells;  ///< in the grid's order
  std::vector<FailedPrediction> failed;
};

enum class CellOrder { steps, seconds };

constexpr auto enum_names(CellOrder) {
  return EnumNames{"order", std::to_array<EnumName<CellOrder>>(
                                {{CellOrder::steps, "steps"},
                                 {CellOrder::seconds, "seconds"}})};
}

struct PredictionOptions {
  std::filesystem::path trainer;  ///< cape_trainer
  bool measure = false;           ///< also train
  bool first_steps = false;       ///< also take the first kFirstSteps steps
};

/// Lets trainers of this machine probe every trajectory of `grid` and time a
/// few of its steps without training it (or train it, with options.measure),
/// and asks the predictor of each criterion. With options.first_steps, for
/// which it needs a model, the losses of the first steps of the training count,
/// too. `progress` is told how many trajectories are done. Throws UserError
/// when no trainer can be started. Criteria without a predictor are left out,
/// with a warning; throws UserError where there is none for any.
GridPrediction predict_grid(
    const predictor::Predictors& predictors, const grid::Grid& grid,
    const PredictionOptions& options,
    const std::function<void(std::size_t answered)>& progress);

/// Sorts the cells, the fewest steps or seconds first.
void sort_cells(std::vector<CellPrediction>& cells, CellOrder order);

}  // namespace cape::prediction
