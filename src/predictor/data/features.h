/// The features from which the predictor predicts, and what it predicts.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "predictor/data/matrix.h"
#include "predictor/data/meta_table.h"

namespace cape::predictor {

/// Whether a linear base uses a feature, and how many different values its
/// weight is learnt from: all rows of one architecture have nearly the same log
/// P. What all rows of one data set have in common is for the base only where
/// probes have no training mode: beside that it would take the few values there
/// are for a law.
enum class Evidence { none, rows, datasets, architectures };

struct Feature {
  std::string_view name;
  std::string_view group;              ///< an ablation leaves a group out
  float (*value)(const MetaRow& row);  ///< NaN: missing
  Evidence evidence = Evidence::rows;  ///< none: not for a linear base
  bool from_probe = false;             ///< measured by the probe alone
};

/// Whether a probe in training mode gives the feature, by how far the loss
/// falls along the optimizer's first step.
bool is_of_training_mode_steps(const Feature& feature);

/// The features of a model, in the order of its columns.
struct FeatureSet {
  std::string name;
  std::vector<Feature> features;

  std::size_t size() const { return features.size(); }
  std::vector<std::string> names() const;
  /// The groups in order, each of them once.
  std::vector<std::string> groups() const;
  FeatureSet without(std::string_view group) const;
};

/// "paper": [log P, log g2, log tau, log N, log eta, log B]; "extended": the
/// same without log N, and the other features of docs/predictor.md; "general":
/// those that any network and any data have; "first 8 steps" and "first 32
/// steps": these, and those of MetaRow::first_losses. The last three also have
/// what whole trainings show beside steps on one batch. Throws UserError for
/// another name.
FeatureSet feature_set(std::string_view name);

/// The features that are not the same in all given rows. A feature that is the
/// same everywhere, or missing everywhere, says nothing.
FeatureSet varying(const FeatureSet& features, const MetaTable& table,
                   std::span<const RowIndex> rows);

/// Whether all the paper's features are finite. Without them nothing can be
/// predicted.
bool has_paper_features(const MetaRow& row);

/// Whether the row has a probe in training mode, without which the general
/// model cannot predict.
bool has_general_features(const MetaRow& row);

/// The name of the set that uses the losses of so many steps.
std::string first_steps_features(std::size_t steps);

/// Whether the training is known to have made so many updates.
bool has_first_losses(const MetaRow& row, std::size_t steps);

/// Whether a model can be fitted on the row: the paper's features are finite,
/// T* >= 1, and 0 < epsilon < 1 unless it is a row of early stopping.
bool is_usable(const MetaRow& row);

/// The features of `rows`, one matrix row for each; NaN where missing.
Matrix feature_matrix(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features);

/// The least and greatest value of each feature over the rows that have it; NaN
/// if no row has it.
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

}  // namespace cape::predictor
