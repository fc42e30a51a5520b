#include "prediction/cell.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "core/error.h"
#include "trial/criterion.h"

namespace cape::prediction {
namespace {

/// Predicts all cells of one criterion.
void predict(const predictor::Predictor& predictor,
             const std::vector<CellPrediction*>& cells) {
  predictor::MetaTable table;
  for (const CellPrediction* const cell : cells) {
    table.add(cell->row);
    if (cell->first_losses) {
      table.rows.back().first_losses = *cell->first_losses;
    }
  }
  const std::vector<predictor::RowIndex> rows = predictor::all_rows(table);
  std::vector<predictor::Prediction> predictions =
      predictor.first_steps ? predictor.predict_after_first_steps(table, rows)
                            : predictor.predict(table, rows);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i]->prediction = std::move(predictions[i]);
  }
}

}  // namespace

void predict_cells(const predictor::Predictors& predictors,
                   std::vector<CellPrediction>& cells) {
  std::map<std::string, std::vector<CellPrediction*>> by_criterion;
  for (CellPrediction& cell : cells) {
    by_criterion[cell.row.criterion.str()].push_back(&cell);
  }
  for (const auto& [criterion, its_cells] : by_criterion) {
    predict(predictors.at(criterion), its_cells);
  }
}

void check_criteria(const predictor::Predictors& predictors,
                    const std::vector<CellPrediction>& cells) {
  for (const CellPrediction& cell : cells) {
    if (predictors.contains(cell.row.criterion.view())) continue;
    fail_user(
        "the model has nothing for the criterion {}; fit it on rows with that "
        "criterion, or name another one with --model",
        cell.row.criterion.view());
  }
}

bool CellPrediction::stops_early() const {
  return row.criterion.view() == trial::name_of(trial::EarlyStopping{});
}

double CellPrediction::steps_for(double count) const {
  if (!stops_early()) return count;
  return std::min<double>(count + row.patience, row.max_epochs) *
         row.steps_per_epoch;
}

double CellPrediction::seconds_for(double steps) const {
  const double seconds = steps * row.step_seconds;
  if (!is_whole_training()) return seconds;
  const double evaluations = std::floor(steps / row.steps_per_epoch);
  // Without one, none was timed.
  return evaluations == 0 ? seconds
                          : seconds + evaluations * row.evaluation_seconds;
}

void sort_cells(std::vector<CellPrediction>& cells, CellOrder order) {
  const auto key = [order](const CellPrediction& cell) {
    const double value =
        order == CellOrder::steps ? cell.steps() : cell.seconds();
    return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
  };
  std::ranges::stable_sort(cells, {}, key);
}

}  // namespace cape::prediction
