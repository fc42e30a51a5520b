/// A small data set, in memory and in files, and tasks on it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "trial/protocol.h"
#include "trial/task.h"

namespace cape::trainer {

/// 200 samples of 1 x 28 x 28 noise in 10 classes, as mnist would be read.
datasets::Dataset noise_dataset();

/// Writes `dataset` as the training files of mnist.
void write_mnist(const datasets::Dataset& dataset,
                 const std::filesystem::path& directory);

/// A task for a small MLP on noise_dataset.
trial::TrialTask small_task();

/// All messages in the bytes of a trainer's output.
std::vector<trial::TrainerMessage> messages_in(std::string_view bytes);

/// The two measured the same, to the bit; times aside.
void expect_same(const trial::TrialResult& a, const trial::TrialResult& b);

/// A directory of its own that goes when the test ends.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cape::trainer
