#include "predictor/data/curves.h"

#include <cmath>
#include <cstdint>
#include <vector>

#include "predictor/data/matrix.h"
#include "shard/reader.h"

namespace cape::predictor {
namespace {

/// Where the curve of a row's trajectory is stored.
struct Place {
  std::uint32_t trajectory;
  std::int64_t offset;
};

/// The curves of each of merged.sources() that are long enough.
std::vector<std::vector<Place>> long_curves(const shard::MergedTable& merged,
                                            std::span<const MetaRow> rows) {
  std::vector<std::vector<Place>> places(merged.sources().size());
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const shard::Row row = merged.row(i);
    if (row.curve_length < static_cast<std::int64_t>(kCurveLosses)) continue;
    places[merged.source_index(i)].push_back(
        {rows[i].trajectory, row.curve_offset});
  }
  return places;
}

}  // namespace

float curve_slope(std::span<const float> losses) {
  if (losses.size() < kCurveLosses) return kMissing;
  const auto count = static_cast<double>(kCurveLosses);
  const double middle = (count - 1) / 2;
  double moment = 0;
  double square = 0;
  for (std::size_t t = 0; t < kCurveLosses; ++t) {
    const double step = static_cast<double>(t) - middle;
    moment += step * std::log(losses[t]);
    square += step * step;
  }
  const double slope = moment / square;
  return std::isfinite(slope) ? static_cast<float>(slope) : kMissing;
}

void read_curve_slopes(const shard::MergedTable& merged,
                       std::span<const MetaRow> rows, MetaTable& table) {
  table.curve_slopes.resize(table.trajectories.size(), kMissing);
  const auto places = long_curves(merged, rows);
  for (std::size_t source = 0; source < places.size(); ++source) {
    if (places[source].empty()) continue;
    const std::vector<float> losses =
        shard::read_curves(merged.sources()[source]);
    for (const Place& place : places[source]) {
      const auto first = static_cast<std::size_t>(place.offset);
      if (place.offset < 0 || first + kCurveLosses > losses.size()) continue;
      float& slope = table.curve_slopes[place.trajectory];
      if (std::isnan(slope))
        slope = curve_slope({&losses[first], kCurveLosses});
    }
  }
}

}  // namespace cape::predictor
