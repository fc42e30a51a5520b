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

namespace cape {

/// One cell: what the probe measured, what the model predicts, and with
/// `measure` the result of a training.
struct Forecast {
  /// The row of a shard. Its outcome (t_star, ...) is filled in only if it was
  /// measured.
  shard::Row row;
  Prediction prediction;
  bool measured = false;

  /// Predicted: T* times the seconds of a step.
  double seconds() const { return prediction.steps * row.step_seconds; }
};

/// A trajectory without a forecast.
struct FailedForecast {
  std::string what;  ///< "mlp_2x64 on mnist, learning rate 0.001, ..."
  std::string error;
};

struct Forecasts {
  std::vector<Forecast> cells;  ///< in the grid's order
  std::vector<FailedForecast> failed;
};

enum class ForecastOrder { steps, seconds };

constexpr auto enum_names(ForecastOrder) {
  return EnumNames{"order", std::to_array<EnumName<ForecastOrder>>(
                                {{ForecastOrder::steps, "steps"},
                                 {ForecastOrder::seconds, "seconds"}})};
}

struct ForecastOptions {
  std::filesystem::path trainer;  ///< cape_trainer
  bool measure = false;           ///< also train
};

/// Lets trainers of this machine probe every trajectory of `grid` and time a
/// few of its steps without training it (or train it, with options.measure),
/// and asks the model. `progress` is told how many trajectories are done.
/// Throws UserError when no trainer can be started.
Forecasts make_forecasts(
    const Predictor& predictor, const Grid& grid,
    const ForecastOptions& options,
    const std::function<void(std::size_t answered)>& progress);

/// Sorts the cells, the fewest steps or seconds first.
void sort_cells(std::vector<Forecast>& cells, ForecastOrder order);

}  // namespace cape
