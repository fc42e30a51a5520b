#include "predictor/data/curves.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "predictor/data/matrix.h"
#include "shard/reader.h"

namespace cape::predictor {
namespace {

/// Where the curve of a row is stored.
struct Place {
  std::size_t row;  ///< of the table
  std::int64_t offset;
  std::int64_t length;
  bool is_validation = false;
};

/// The curves of each of merged.sources(); CSV files have none.
std::vector<std::vector<Place>> curves_of(const shard::MergedTable& merged,
                                          std::size_t first) {
  std::vector<std::vector<Place>> places(merged.sources().size());
  for (std::size_t i = 0; i < merged.size(); ++i) {
    const shard::Row row = merged.row(i);
    std::vector<Place>& its = places[merged.source_index(i)];
    if (counts_epochs(row)) {
      if (row.validation_length == 0) continue;
      its.push_back({first + i, row.validation_offset, row.validation_length,
                     /*is_validation=*/true});
    } else if (row.curve_length > 0) {
      its.push_back({first + i, row.curve_offset, row.curve_length});
    }
  }
  return places;
}

/// How many of the losses from `offset` on are those of step 0, 1, 2, ...
/// Without steps (of older shards) all are.
std::int64_t losses_in_a_row(std::span<const std::int32_t> steps,
                             std::int64_t offset, std::int64_t length) {
  if (steps.empty()) return length;
  std::int64_t t = 0;
  while (t < length && offset + t < std::ssize(steps) &&
         steps[static_cast<std::size_t>(offset + t)] == t) {
    ++t;
  }
  return t;
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

void read_curves(const shard::MergedTable& merged, std::size_t first,
                 MetaTable& table) {
  table.curve_slopes.resize(table.trajectories.size(), kMissing);
  const auto places = curves_of(merged, first);
  for (std::size_t source = 0; source < places.size(); ++source) {
    if (places[source].empty()) continue;
    const std::filesystem::path& path = merged.sources()[source];
    const std::vector<float> all = shard::read_curves(path);
    const std::vector<std::int32_t> steps = shard::read_curve_steps(path);
    for (const auto& [index, offset, length, is_validation] : places[source]) {
      if (offset < 0 || length < 0 || length > std::ssize(all) - offset) {
        continue;
      }
      const std::span losses = std::span(all).subspan(
          static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
      MetaRow& row = table.rows[index];
      if (is_validation) {
        std::ranges::copy(losses.first(std::min(kFirstEpochs, losses.size())),
                          row.first_validation.begin());
        continue;
      }
      const auto known =
          static_cast<std::size_t>(losses_in_a_row(steps, offset, length));
      std::ranges::copy(losses.first(std::min(known, row.first_losses.size())),
                        row.first_losses.begin());
      float& slope = table.curve_slopes[row.trajectory];
      if (std::isnan(slope) && known >= kCurveLosses &&
          !is_whole_training(row)) {
        slope = curve_slope(losses.first(kCurveLosses));
      }
    }
  }
}

}  // namespace cape::predictor
