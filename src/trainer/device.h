/// The device a trainer runs on, and what Torch sees of this machine.
#pragma once

#include <string>
#include <vector>

namespace cape::trainer {

/// Makes Torch ready for "cpu" or "cuda:N" with `threads` CPU threads. To be
/// called before anything else of Torch is: its CUDA library registers itself
/// only then. On CUDA, algorithms are deterministic and float32 is float32.
/// Throws UserError: no such device, or LibTorch's CUDA library does not load.
void open_device(const std::string& name, int threads);

/// Gives the memory of what has been destroyed back to the system.
void release_memory();

/// {"torch": "2.11.0", "devices": ["cpu", "cuda:0"]}; where there is no CUDA,
/// "cuda_error" says why. To be called before anything else of Torch is.
std::string list_devices();

/// {"tied": ["FILE", ...]}: those of the TorchScript files in which one
/// parameter has several names. A file that cannot be read is left out.
std::string list_tied(const std::vector<std::string>& files);

std::string torch_version();

}  // namespace cape::trainer
