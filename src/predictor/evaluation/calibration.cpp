#include "predictor/evaluation/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "predictor/data/features.h"

namespace cape::predictor {
namespace {

/// Least squares of y on x, one pair at a time.
class Line {
 public:
  void add(double x, double y) {
    ++count_;
    x_ += x;
    y_ += y;
    xx_ += x * x;
    xy_ += x * y;
  }
  double operator()(double x) const {
    const double spread = xx_ - x_ * x_ / count_;
    // If all predictions are equal, the best line is the mean.
    const double slope =
        spread > 1e-12 * xx_ ? (xy_ - x_ * y_ / count_) / spread : 0;
    return y_ / count_ + slope * (x - x_ / count_);
  }

 private:
  double count_ = 0, x_ = 0, y_ = 0, xx_ = 0, xy_ = 0;
};

double steps_per_epoch(const MetaRow& row) {
  return std::ceil(std::round(std::exp(row.log_n)) / row.batch_size);
}

}  // namespace

std::vector<double> calibrate(const MetaTable& table, const Scheme& scheme,
                              std::span<const double> predicted,
                              std::uint64_t seed) {
  std::vector<RowIndex> rows;
  for (RowIndex row = 0; row < table.rows.size(); ++row) {
    if (!std::isnan(predicted[row])) rows.push_back(row);
  }
  // Folds are alike, but a data set that was left out is not like another one.
  const auto group_of = [&](RowIndex row) {
    const int part =
        scheme.name == SchemeName::kfold ? 0 : scheme.part_of_row[row];
    return std::pair(table.rows[row].family, part);
  };
  const std::vector<bool> calibrates =
      draw_trajectories(table, rows, kCalibrationPart, seed);
  std::map<std::pair<std::uint32_t, int>, Line> lines;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!calibrates[i]) continue;
    const MetaRow& row = table.rows[rows[i]];
    const double epoch = steps_per_epoch(row);
    lines[group_of(rows[i])].add(predicted[rows[i]] / epoch,
                                 row.t_star / epoch);
  }
  std::vector<double> calibrated(predicted.size(),
                                 std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto line = lines.find(group_of(rows[i]));
    if (calibrates[i] || line == lines.end()) continue;
    const double epoch = steps_per_epoch(table.rows[rows[i]]);
    calibrated[rows[i]] = clip_steps(
        epoch * line->second(predicted[rows[i]] / epoch), table.rows[rows[i]]);
  }
  return calibrated;
}

}  // namespace cape::predictor
