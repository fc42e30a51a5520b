/// The ways in which a model without names is judged on what it has not seen:
/// whole kinds of networks, sources of data, or both are left out of its fit.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "predictor/data/meta_table.h"
#include "predictor/data/sources.h"
#include "predictor/models/general_model.h"

namespace cape::predictor {

/// What makes rows one group: rows of one group are alike.
enum class GroupedBy { trajectory, kind, source };

/// A number for each row of the table; equal for rows of one group.
struct Grouping {
  GroupedBy by;
  std::vector<std::uint32_t> groups;
};

/// How the rows are left out of fits for one novelty: a row is predicted by a
/// fit on those that share neither its part of `a` nor its part of `b`. Both
/// have a value for each row of the table.
struct LeaveOut {
  Novelty novelty;
  std::vector<int> a;
  std::vector<int> b;
  std::vector<Grouping> groupings;  ///< what is new in turn
};

/// One for each novelty, in the order of the enum.
std::vector<LeaveOut> ways_to_leave_out(const MetaTable& table,
                                        std::span<const RowIndex> rows,
                                        const Sources& sources,
                                        std::uint64_t seed);

/// Fits something on the first rows and predicts the second.
using FitAndPredict = std::function<std::vector<double>(
    std::span<const RowIndex> fitted, std::span<const RowIndex> held_out)>;

/// One value for each row of the table, by a fit that has not seen the row; NaN
/// where there was nothing to fit on. Only rows for which `can_be_fitted` are
/// fitted on. Parts run on all cores, in any order.
std::vector<double> predict_left_out(
    const MetaTable& table, std::span<const RowIndex> rows, const LeaveOut& way,
    const std::function<bool(RowIndex)>& can_be_fitted,
    const FitAndPredict& fit_and_predict);

}  // namespace cape::predictor
