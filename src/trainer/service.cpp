#include "trainer/service.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>

#include "core/error.h"
#include "models/torch.h"
#include "trainer/dataset_cache.h"
#include "trainer/device.h"
#include "trainer/trajectory.h"
#include "trial/protocol.h"

namespace cape::trainer {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

File open_descriptor(int descriptor, const char* mode) {
  File file(fdopen(descriptor, mode));
  if (!file) {
    fail_user("descriptor {} cannot be used ({})", descriptor,
              errno_text(errno));
  }
  return file;
}

/// The next whole line; nothing when the input has ended, in mid-line or not.
std::optional<std::string> read_line(std::FILE* file) {
  std::string line;
  for (int c = std::getc(file); c != EOF; c = std::getc(file)) {
    if (c == '\n') return line;
    line.push_back(static_cast<char>(c));
  }
  return std::nullopt;
}

void send(std::FILE* file, const trial::TrainerMessage& message) {
  const std::string bytes = encode(message);
  if (std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() ||
      std::fflush(file) != 0) {
    fail("cannot answer the worker ({})", errno_text(errno));
  }
}

/// The CPU's allocator throws a plain Error, and what TorchScript's interpreter
/// throws is known by its text alone.
trial::Failure failure(const std::string& trajectory,
                       const std::string& message) {
  const bool out_of_memory =
      message.find("DefaultCPUAllocator:") != std::string::npos ||
      message.find("CUDA out of memory") != std::string::npos;
  return {trajectory, out_of_memory ? "out_of_memory" : "exception", message};
}

trial::TrainerMessage answer(const trial::TrialTask& task, DatasetCache& cache,
                             const torch::Device& device) {
  try {
    return run_trajectory(task, cache.open(task.dataset), device,
                          losses_per_sync(device));
  } catch (const DatasetError& error) {
    return trial::Failure{task.trajectory, "dataset", error.what()};
  } catch (const c10::OutOfMemoryError& error) {
    return trial::Failure{task.trajectory, "out_of_memory",
                          error.what_without_backtrace()};
  } catch (const c10::Error& error) {
    return failure(task.trajectory, error.what_without_backtrace());
  } catch (const std::bad_alloc& error) {
    return trial::Failure{task.trajectory, "out_of_memory", error.what()};
  } catch (const std::exception& error) {
    return failure(task.trajectory, error.what());
  }
}

}  // namespace

void serve(int input, int output, const std::string& device) {
  const File in = open_descriptor(input, "r");
  const File out = open_descriptor(output, "w");
  const torch::Device torch_device(device);
  DatasetCache cache;
  send(out.get(), trial::Hello{.torch = torch_version(), .device = device});
  while (const auto line = read_line(in.get())) {
    send(out.get(), answer(trial::decode_task(*line), cache, torch_device));
    release_memory();
  }
}

}  // namespace cape::trainer
