/// The cells that are asked about: their rows, and what a model says of them.
#pragma once

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "core/enum_names.h"
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

  /// Whether the first steps have shown that the training never gets there:
  /// the numbers of steps and seconds are NaN.
  bool never_ends() const { return std::isnan(prediction.steps); }

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
  double measured_seconds() const {
    return seconds_for(row.converged ? row.t_star : row.steps_run);
  }

 private:
  double steps_for(double count) const;
  double seconds_for(double steps) const;
};

/// Asks the predictor of each cell's criterion for its prediction. The losses
/// of first steps count, too, where a cell has them and the predictor a model
/// for them. REQUIRES: a predictor for every criterion.
void predict_cells(const predictor::Predictors& predictors,
                   std::vector<CellPrediction>& cells);

/// Throws UserError where a cell's criterion has no predictor.
void check_criteria(const predictor::Predictors& predictors,
                    const std::vector<CellPrediction>& cells);

enum class CellOrder { steps, seconds };

constexpr auto enum_names(CellOrder) {
  return EnumNames{"order", std::to_array<EnumName<CellOrder>>(
                                {{CellOrder::steps, "steps"},
                                 {CellOrder::seconds, "seconds"}})};
}

/// Sorts the cells, the fewest steps or seconds first.
void sort_cells(std::vector<CellPrediction>& cells, CellOrder order);

}  // namespace cape::prediction
