/// Probes that somebody else has taken: one JSON object a line, whose keys are
/// columns of a shard. docs/probe_format.md is the specification.
#pragma once

#include <cstdint>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include "prediction/cell.h"

namespace cape::prediction {

/// What was read: the cells, which wait for predict_cells.
struct ProbedCells {
  /// In the order of the lines; of a line, in that of its epsilons or
  /// patiences.
  std::vector<CellPrediction> cells;
  std::string target;       ///< of all of them
  std::int64_t probes = 0;  ///< lines
  /// Features that predictions use, by the number of lines that do not mention
  /// them. A null is mentioned.
  std::map<std::string, std::int64_t> absent;
  std::int64_t with_epsilon = 0;  ///< lines that ask for one
  /// Lines with first_losses, by the number of steps that these reach; where
  /// the training has ended, the largest number that there can be.
  std::map<std::size_t, std::int64_t> with_first_losses;
};

/// Reads every line of `stream`; empty ones are skipped. `source` names it in
/// messages: "probes.jsonl". `target` is that of lines that name none, and all
/// lines must agree with it; empty: that of the first line. Throws UserError,
/// "SOURCE:LINE: ...", for what is not JSON, for unknown and missing keys and
/// for values that are of the wrong type, out of range or contradict each
/// other; also where there is no probe at all.
ProbedCells read_probes(std::istream& stream, const std::string& source,
                        const std::string& target = "");

}  // namespace cape::prediction
