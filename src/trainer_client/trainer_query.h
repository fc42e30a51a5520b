/// What cape_trainer says of itself, asked before any work is given out.
#pragma once

#include <cstdint>
#include <string>

#include "grid/config.h"

namespace cape::trainer_client {

/// Throws UserError when `trainer` is no program that can be run.
void check_trainer(const std::string& trainer);

/// LibTorch's version. Starts a trainer on the CPU and waits for its hello, so
/// that a trainer that cannot start is found at once. Throws UserError with
/// what it said.
std::string ask_torch_version(const std::string& trainer);

/// CUDA devices that LibTorch can use on this machine.
std::int64_t count_gpus(const std::string& trainer);

/// Gives the TorchScript networks of `config` their revision, for which their
/// files must be loaded. One that cannot be loaded keeps 0; its trials fail and
/// say why. Throws UserError when `trainer` is no program that can be run.
void set_revisions(grid::Config& config, const std::string& trainer);

}  // namespace cape::trainer_client
