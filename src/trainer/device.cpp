#include "trainer/device.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <malloc.h>

#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"
#include "core/json.h"
#include "models/build.h"
#include "models/torch.h"

/// MKL picks its kernels by this: any processor but Intel's gets those without
/// AVX-512, which is half the speed on one that has it. The name is the one in
/// libtorch_cpu.so, whose calls come here.
extern "C" int mkl_serv_intel_cpu_true() { return 1; }

namespace cape::trainer {
namespace {

/// Activations of many megabytes come and go with every step: memory goes back
/// to the system with the trajectory, not with each of them, since fresh pages
/// cost more than the arithmetic on them. All threads share it, so that what a
/// probe's have touched is there for the training.
void keep_memory() {
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

/// Loads LibTorch's CUDA part, which the program does not link; why it cannot
/// be used, if it cannot.
std::optional<std::string> load_cuda() {
  // cuBLAS is deterministic only with a fixed workspace.
  setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    const char* reason = dlerror();
    return reason != nullptr ? reason : "libtorch_cuda.so does not load";
  }
  if (!torch::cuda::is_available()) return "no GPU, or no driver for it";
  return std::nullopt;
}

void make_cuda_exact() {
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setDeterministicCuDNN(true);
  context.setAllowTF32CuDNN(false);
  // The backward passes of the others add up in no fixed order.
  context.setSDPUseFlash(false);
  context.setSDPUseMemEfficient(false);
  context.setSDPUseCuDNN(false);
}

/// Of a type that changes with LibTorch's version.
int gpu_count() { return static_cast<int>(torch::cuda::device_count()); }

void open_cuda(const std::string& name) {
  if (const auto problem = load_cuda()) {
    fail_user(
        "device {} cannot be used ({}); take --device cpu, or install "
        "LibTorch with CUDA: scripts/setup.sh --cuda",
        name, *problem);
  }
  const torch::Device device(name);
  if (static_cast<int>(device.index()) >= gpu_count()) {
    fail_user("there is no device {}: this machine has {} GPUs", name,
              gpu_count());
  }
  make_cuda_exact();
}

bool is_cuda_name(const std::string& name) {
  if (name.rfind("cuda:", 0) != 0) return false;
  const std::string index = name.substr(5);
  return !index.empty() && index.size() <= 2 &&
         index.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

void open_device(const std::string& name, int threads) {
  if (is_cuda_name(name)) {
    open_cuda(name);
  } else if (name != "cpu") {
    fail_user("no device '{}'; take cpu or cuda:N", name);
  }
  keep_memory();
  at::set_num_threads(threads);
  at::set_num_interop_threads(1);
}

std::string list_devices() {
  nlohmann::json list = {{"torch", torch_version()}, {"devices", {"cpu"}}};
  if (const auto problem = load_cuda()) {
    list["cuda_error"] = *problem;
  } else {
    for (int i = 0; i < gpu_count(); ++i) {
      list["devices"].push_back(fmt::format("cuda:{}", i));
    }
  }
  return list.dump();
}

std::string list_tied(const std::vector<std::string>& files) {
  nlohmann::json list = {{"tied", nlohmann::json::array()}};
  for (const std::string& file : files) {
    try {
      if (models::has_tied_tensors(file)) list["tied"].push_back(file);
    } catch (const Error&) {  // trials with this file say why
    }
  }
  return to_text(list);
}

void release_memory() { malloc_trim(0); }

std::string torch_version() { return TORCH_VERSION; }

}  // namespace cape::trainer
