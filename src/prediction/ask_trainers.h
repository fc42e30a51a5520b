/// Gives tasks to a few trainers of this machine and waits for the answers.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "grid/grid.h"
#include "trainer_client/trainer_process.h"

namespace cape::prediction {

/// What became of one task.
struct Answer {
  std::optional<trial::TrialResult> result;
  std::string error;  ///< why there is none
};

/// Tries every trajectory once, in the next trainer that is free. A trainer
/// that dies, or that needs more than `timeout` seconds for one trajectory, is
/// replaced. Returns one answer for each trajectory, in their order; `progress`
/// is told how many there are so far. Throws UserError when a trainer does not
/// start.
std::vector<Answer> ask_trainers(
    const std::vector<grid::Trajectory>& trajectories,
    const std::vector<trainer_client::TrainerCommand>& trainers,
    std::optional<double> timeout,
    const std::function<void(std::size_t answered)>& progress);

}  // namespace cape::prediction
