/// The device a trainer runs on, and what Torch sees of this machine.
#pragma once

#include <string>

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

std::string torch_version();

}  // namespace cape::trainer
