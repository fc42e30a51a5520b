/// The predictor as it is used: says what it predicts, how sure it is, and what
/// it has never seen.
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "predictor/conformal.h"
#include "predictor/meta_table.h"
#include "predictor/model.h"

namespace cape {

/// One row's prediction, in steps, within [1, kMaxSteps].
struct Prediction {
  double steps = 0;
  Interval interval;
  std::vector<float> features;  ///< as the model saw them; NaN: missing
  /// What each of them adds to log T*, then the constant; the sum is log T*.
  std::vector<float> contributions;
  /// Features outside of what the model was fitted on in this family, or that
  /// this family did not have.
  std::vector<std::string> extrapolated;
  /// "family"; or "dataset" and "architecture": what the model never saw, of
  /// this family.
  std::vector<std::string> unseen;
};

struct Predictor {
  Model model;
  double level = 0;  ///< share of the trials that intervals cover
  std::map<SchemeName, ByFamily<Offsets>> offsets{};  ///< by scheme
  RowsByName datasets{};                              ///< that it was fitted on
  /// The same; "" stands for some that are not named.
  RowsByName architectures{};

  /// One prediction for each of `rows`. The interval is that of k folds for the
  /// row's family. It is at least as wide as for data sets left out where the
  /// data set is new, as for architectures left out where the architecture is,
  /// and as for both where the family is new or a feature is extrapolated.
  std::vector<Prediction> predict(const MetaTable& table,
                                  std::span<const RowIndex> rows) const;

  /// Their intervals alone, many times as fast: nothing is explained.
  std::vector<Interval> intervals(const MetaTable& table,
                                  std::span<const RowIndex> rows) const;
};

/// Reads cape.json and model.json in `directory`; the model predicts as it did
/// when it was fitted. Throws UserError for a directory without them, files
/// that are damaged or do not belong together, and another schema.
Predictor load_predictor(const std::filesystem::path& directory);

}  // namespace cape
