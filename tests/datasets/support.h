/// Small data sets made on the spot.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace cape::datasets {

/// An empty folder that goes with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Writes a file and the folders above it.
void write_file(const std::filesystem::path& path, const std::string& bytes);

/// The bytes of a file.
std::string read_file(const std::filesystem::path& path);

/// `bytes` as one gzip member.
std::string gzip(const std::string& bytes);

/// An IDX file of unsigned bytes.
std::string idx(const std::vector<std::uint32_t>& shape,
                const std::string& values);

/// Writes `samples` images of 28 x 28 and their labels 0, 1, ..., 9, 0, ...
/// as the training files of MNIST and its relatives.
void write_mnist(const std::filesystem::path& folder, std::uint32_t samples,
                 bool compressed = false);

/// The pixels of all images as batches see them: samples x C x H x W.
std::vector<std::uint8_t> pixels_of(const Dataset& dataset);

/// The labels as whole numbers.
std::vector<int> labels_of(const Dataset& dataset);

/// The message of the UserError that `body` throws; a failure if it does not.
std::string user_error(const std::function<void()>& body);

/// The bytes of their hexadecimal digits.
std::vector<std::uint8_t> from_hex(const std::string& digits);

}  // namespace cape::datasets
