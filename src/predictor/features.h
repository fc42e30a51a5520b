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

/// Whether a linear base takes a feature, and what bears witness to its weight:
/// rows of one data set have one input size, those of one architecture much the
/// same log P.
enum class Witnesses { none, rows, datasets, architectures };

struct Feature {
  std::string_view name;
  std::string_view group;              ///< what an ablation takes away together
  float (*value)(const MetaRow& row);  ///< NaN: missing
  Witnesses witnesses = Witnesses::rows;  ///< none: not for a linear base
  /// Whether a linear base goes on beyond the range that it was fitted on. It
  /// then takes the feature only where that had many values, since the slope
  /// between a few is anybody's.
  bool extrapolates = false;
  bool from_probe = false;  ///< measured by the probe alone
};

/// The features of a model, in the order of its columns.
struct FeatureSet {
  std::string name;
  std::vector<Feature> features;

  std::size_t size() const { return features.size(); }
  std::vector<std::string> names() const;
  /// The groups, each once, in order.
  std::vector<std::string> groups() const;
  FeatureSet without(std::string_view group) const;
};

/// "paper": [log P, log g2, log tau, log N, log eta, log B]; "extended": these
/// but log N, and what docs/predictor.md lists. Throws UserError for another
/// name.
FeatureSet feature_set(std::string_view name);

/// The features that differ between the given rows: one that does not, or that
/// no row has, tells nothing.
FeatureSet varying(const FeatureSet& features, const MetaTable& table,
                   std::span<const RowIndex> rows);

/// Whether the paper's features are all finite: without them there is nothing
/// to go by.
bool has_paper_features(const MetaRow& row);

/// Whether a model can be fitted on the row: the paper's features finite, T*
/// >= 1, 0 < epsilon < 1.
bool is_usable(const MetaRow& row);

/// The features of `rows`, one matrix row each; NaN where missing.
Matrix feature_matrix(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features);

/// Least and greatest value of each feature over the rows that have it; NaN
/// where none has.
using Ranges = std::vector<std::pair<float, float>>;
Ranges feature_ranges(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features);

/// The target, log T*.
std::vector<float> log_steps(const MetaTable& table,
                             std::span<const RowIndex> rows);

/// Steps in [1, cap], the cap being that of the row's own trajectory (section
/// "Protocol" of the paper: predictions are clipped to [1, 5000]).
double clip_steps(double steps, const MetaRow& row);

/// A prediction of log T* in steps, clipped. Not rounded.
double steps_from_log(double log_t_star, const MetaRow& row);

}  // namespace cape
