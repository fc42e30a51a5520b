/// A fitted model as it was kept: reads a model directory and says what it
/// predicts, how sure it is, and what it has never seen.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "predictor/conformal.h"
#include "predictor/meta_table.h"
#include "predictor/model.h"

namespace cape {

/// One row's prediction, in steps, within [1, kMaxSteps].
struct Prediction {
  double steps = 0;
  double lower = 0;  ///< the ends of the interval
  double upper = 0;
  std::vector<float> features;  ///< as the model saw them; NaN: missing
  /// What each of them adds to log T*, then the constant; the sum is log T*.
  std::vector<float> contributions;
  /// Features outside of what the model was fitted on.
  std::vector<std::string> extrapolated;
  /// Of "family", "dataset" and "architecture": what the model never saw.
  std::vector<std::string> unseen;
};

/// What cape_fit kept.
struct SavedModel {
  Model model;
  double level = 0;  ///< share of the trials that intervals cover
  std::map<std::string, OffsetsByFamily> offsets;  ///< by scheme
  std::set<std::string> datasets;                  ///< that it was fitted on
  /// The same by family; "" stands for some that are not named.
  std::map<std::string, std::set<std::string>> architectures;

  /// One prediction a row. The interval is that of k folds for the row's
  /// family. It is at least as wide as for data sets left out where the data
  /// set is new, as for architectures left out where the architecture is, and
  /// as for both where the family is new or a feature is extrapolated.
  std::vector<Prediction> predict(const MetaTable& table) const;
};

/// Reads cape.json and model.json in `directory`; the model predicts as it did
/// when it was fitted. Throws UserError for a directory without them, files
/// that are damaged or do not belong together, and another schema.
SavedModel load_model(const std::filesystem::path& directory);

}  // namespace cape
