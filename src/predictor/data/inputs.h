/// What cape_fit reads, in the form in which it is fitted and described to
/// people.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/data/measurements.h"
#include "predictor/data/meta_table.h"
#include "predictor/data/sources.h"

namespace cape::predictor {

/// The smallest number of trajectories of a family that can be fitted.
inline constexpr std::size_t kFewestTrajectories = 50;

/// What one file contributed: the rows that remain without duplicates.
struct InputSummary {
  std::filesystem::path path;
  std::int64_t rows = 0;
  std::int64_t censored = 0;
  std::vector<std::string> families;  ///< sorted
  std::vector<std::string> datasets;  ///< sorted
};

struct InputOptions {
  std::vector<std::filesystem::path> inputs;
  std::vector<std::filesystem::path> test;  ///< rows to score, not to fit
  /// Rows that are fitted on and never scored, of networks that need not be
  /// like those of the inputs.
  std::vector<std::filesystem::path> general;
  std::filesystem::path sources;       ///< which data sets have one source
  std::vector<std::string> where;      ///< of rows to read: shard::RowFilter
  std::filesystem::path export_csv;    ///< of the inputs; empty: none
  std::filesystem::path export_shard;  ///< of the inputs; empty: none
};

struct Inputs {
  MetaTable table;                     ///< none of its rows unusable
  std::vector<RowIndex> rows;          ///< to fit and to score
  std::vector<RowIndex> test_rows;     ///< to score
  std::vector<RowIndex> general_rows;  ///< to fit
  Sources sources;
  bool whole_trainings = false;     ///< else steps on one batch
  std::string criterion;            ///< of all rows, as in the shards
  std::string settings;             ///< of all rows to fit, see settings_of()
  std::int64_t unusable = 0;        ///< rows left out, see is_usable()
  std::vector<InputSummary> files;  ///< in the order they were read
  std::vector<std::string> warnings;
  Measurements measurements;  ///< not of the test rows
};

/// The rows that the model with names learns from: `rows`, and at most about as
/// many of `general_rows`, in whole trajectories drawn at random; only such as
/// converged (at their cap, as in the paper, the others would make the
/// predictions for networks that do converge too long).
std::vector<RowIndex> rows_with_more(const Inputs& inputs);

/// Whether the rows are of early stopping, so that epochs are counted.
bool counts_epochs(const Inputs& inputs);

/// "steps", or of early stopping "epochs".
std::string_view unit_of(const Inputs& inputs);

/// The set of features that the model of these rows has unless another one is
/// asked for: "extended", or of whole trainings "general".
std::string default_features(const Inputs& inputs);

/// What a row's count is, for people: a whole sentence.
std::string_view what_is_predicted(const Inputs& inputs);

/// Expands patterns with *, ? and []; other paths name files or folders and are
/// returned unchanged. Throws UserError for a pattern that matches nothing.
std::vector<std::filesystem::path> expand_patterns(
    std::span<const std::filesystem::path> paths);

/// Reads shards, folders of shards and published CSV files, and exports what
/// was read. The rows of each criterion, of which whole trainings have two, are
/// an element, since each is fitted alone. The order of the rows does not
/// depend on the files that hold them, so neither does a model that is fitted
/// on them. Test rows of a trajectory that is fitted on are left out. Throws
/// UserError for input that cannot be read, that has no usable row, rows of
/// more than one target or of different training settings, or too few
/// trajectories of a family. Test rows of other settings are left out, and said
/// so.
std::vector<Inputs> read_inputs(const InputOptions& options);

/// Reads the inputs and exports them, whether or not they can be fitted. Sets
/// files and warnings. Throws UserError for input that cannot be read or has no
/// rows.
Inputs export_inputs(const InputOptions& options);

}  // namespace cape::predictor
