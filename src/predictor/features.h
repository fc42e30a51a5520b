/// What the predictor looks at, and what it predicts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "predictor/matrix.h"
#include "predictor/meta_table.h"

namespace cape {

/// The cap on T*, and on every prediction of it, in steps (section "Protocol"
/// of the paper: predictions are clipped to [1, 5000]).
inline constexpr double kMaxSteps = 5000;

struct Feature {
  std::string_view name;
  float (*value)(const MetaRow& row);
};

/// The features of a model, in the order of its columns.
struct FeatureSet {
  std::string_view name;
  std::span<const Feature> features;

  std::vector<std::string> names() const;
};

/// [log P, log g2, log tau, log N, log eta, log B] for "paper". Throws
/// UserError for a name it does not know.
const FeatureSet& feature_set(std::string_view name);

/// Whether a model can be fitted on the row: every feature finite, T* >= 1.
bool is_usable(const MetaRow& row, const FeatureSet& features);

/// The features of `rows`, one matrix row each.
Matrix feature_matrix(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features);

/// Least and greatest value of each feature over `rows` (at least one).
std::vector<std::pair<float, float>> feature_ranges(
    const MetaTable& table, std::span<const RowIndex> rows,
    const FeatureSet& features);

/// The target, log T*.
std::vector<float> log_steps(const MetaTable& table,
                             std::span<const RowIndex> rows);

/// A prediction of log T* in steps, clipped to [1, kMaxSteps]. Not rounded.
double steps_from_log(double log_t_star);

}  // namespace cape
