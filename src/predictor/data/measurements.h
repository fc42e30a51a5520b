/// What the report shows of the shards in addition to the rows that are fitted
/// on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "predictor/data/meta_table.h"
#include "shard/merge.h"

namespace cape::predictor {

/// The losses of a row's training, and the updates before each of them. Of rows
/// of early stopping they are the validation losses after each epoch.
struct SampleCurve {
  RowIndex row;
  std::vector<float> losses;
  std::vector<std::int32_t> steps;
};

/// How long the trials of one family and batch size took, in seconds.
struct Timing {
  std::string family;
  std::int32_t batch_size;
  std::int64_t rows;
  double step_low, step, step_high;  ///< quantiles 10 %, 50 %, 90 % of a step
  double probe;                      ///< median
  double training;                   ///< median of the steps run times a step
};

struct Measurements {
  std::vector<SampleCurve> curves;  ///< a few of each family
  std::vector<Timing> timings;      ///< by family and batch size
};

/// Curves spread evenly over the trajectories of each family that have one, and
/// times of at most 100,000 rows. The rows of `merged` are those of the table
/// from `first` on. CSV files have neither curves nor times.
Measurements sample_measurements(const shard::MergedTable& merged,
                                 const MetaTable& table, std::size_t first);

}  // namespace cape::predictor
