#include "predictor/data/measurements.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/error.h"
#include "shard/reader.h"

namespace cape::predictor {
namespace {

constexpr std::size_t kCurvesOfFamily = 4;
constexpr std::size_t kMostTimed = 100'000;

/// Where the curve is that tells the row's count.
struct CurvePlace {
  std::int64_t offset;
  std::int64_t length;
};

CurvePlace place_of(const shard::Row& row) {
  return counts_epochs(row)
             ? CurvePlace{row.validation_offset, row.validation_length}
             : CurvePlace{row.curve_offset, row.curve_length};
}

/// The first row of each trajectory that has a curve, by family, counted from
/// `first`.
std::map<std::string, std::vector<std::size_t>> curves_by_family(
    const shard::MergedTable& merged, const MetaTable& table,
    std::size_t first) {
  std::map<std::string, std::vector<std::size_t>> families;
  std::vector<bool> seen(table.trajectories.size());
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const MetaRow& row = table.rows[first + i];
    if (seen[row.trajectory]) continue;
    seen[row.trajectory] = true;
    if (place_of(merged.row(i)).length > 0) {
      families[table.family(row)].push_back(i);
    }
  }
  return families;
}

std::vector<SampleCurve> sample_curves(const shard::MergedTable& merged,
                                       const MetaTable& table,
                                       std::size_t first) {
  // Sorted by file, so that each file is read once.
  std::map<std::filesystem::path, std::vector<std::size_t>> chosen;
  for (const auto& [family, rows] : curves_by_family(merged, table, first)) {
    const std::size_t count = std::min(kCurvesOfFamily, rows.size());
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t index = rows[i * rows.size() / count];
      chosen[merged.source(index)].push_back(index);
    }
  }
  std::vector<SampleCurve> curves;
  for (const auto& [path, indices] : chosen) {
    for (const std::size_t index : indices) {
      const auto [offset, length] = place_of(merged.row(index));
      try {
        shard::Curve curve = shard::read_curve(path, offset, length);
        curves.push_back({static_cast<RowIndex>(first + index),
                          std::move(curve.losses), std::move(curve.steps)});
      } catch (const UserError&) {
        // A damaged curve is no reason to fit nothing.
      }
    }
  }
  return curves;
}

/// The times of some rows, in seconds.
struct Times {
  std::vector<double> step, probe, training;
};

/// Reorders the values.
double quantile(std::vector<double>& values, std::size_t percent) {
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(
                                          (values.size() - 1) * percent / 100);
  std::ranges::nth_element(values, place);
  return *place;
}

std::vector<Timing> time_trials(const shard::MergedTable& merged) {
  std::map<std::pair<std::string, std::int32_t>, Times> groups;
  const std::size_t stride = merged.size() / kMostTimed + 1;
  for (std::size_t i = 0; i < merged.size(); i += stride) {
    const shard::Row row = merged.row(i);
    // Not measured, or shorter than what the clock can measure.
    if (!(row.step_seconds > 0 && row.probe_seconds > 0)) {
      continue;
    }
    Times& times = groups[{row.family.str(), row.batch_size}];
    times.step.push_back(row.step_seconds);
    times.probe.push_back(row.probe_seconds);
    times.training.push_back(row.step_seconds * row.steps_run);
  }
  std::vector<Timing> timings;
  timings.reserve(groups.size());
  for (auto& [group, times] : groups) {
    timings.push_back({.family = group.first,
                       .batch_size = group.second,
                       .rows = static_cast<std::int64_t>(times.step.size()),
                       .step_low = quantile(times.step, 10),
                       .step = quantile(times.step, 50),
                       .step_high = quantile(times.step, 90),
                       .probe = quantile(times.probe, 50),
                       .training = quantile(times.training, 50)});
  }
  return timings;
}

}  // namespace

Measurements sample_measurements(const shard::MergedTable& merged,
                                 const MetaTable& table, std::size_t first) {
  return {sample_curves(merged, table, first), time_trials(merged)};
}

}  // namespace cape::predictor
