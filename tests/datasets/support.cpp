#include "support.h"

#include <libdeflate.h>
#include <unistd.h>

#include <charconv>
#include <cmath>
#include <fstream>
#include <numeric>

#include "core/error.h"
#include "datasets/batch.h"

namespace cape::datasets {

TemporaryFolder::TemporaryFolder() {
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  path_ = std::filesystem::path(testing::TempDir()) /
          fmt::format("cape_datasets.{}.{}.{}", test->test_suite_name(),
                      test->name(), ::getpid());
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

void write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  // ext4 waits for the disk when a file is cut and written again.
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string gzip(const std::string& bytes) {
  libdeflate_compressor* const compressor = libdeflate_alloc_compressor(9);
  std::string packed(libdeflate_gzip_compress_bound(compressor, bytes.size()),
                     '\0');
  packed.resize(libdeflate_gzip_compress(compressor, bytes.data(), bytes.size(),
                                         packed.data(), packed.size()));
  libdeflate_free_compressor(compressor);
  return packed;
}

std::string idx(const std::vector<std::uint32_t>& shape,
                const std::string& values) {
  std::string bytes = {0, 0, 8, static_cast<char>(shape.size())};
  for (const std::uint32_t extent : shape)
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes += static_cast<char>(extent >> shift & 0xff);
  return bytes + values;
}

void write_mnist(const std::filesystem::path& folder, std::uint32_t samples,
                 bool compressed) {
  std::string pixels;
  std::string labels;
  for (std::uint32_t sample = 0; sample < samples; ++sample) {
    for (int i = 0; i < 28 * 28; ++i)
      pixels += static_cast<char>((sample * 31 + i * 7) % 256);
    labels += static_cast<char>(sample % 10);
  }
  const auto write = [&](const std::string& name, const std::string& bytes) {
    if (compressed) {
      write_file(folder / (name + ".gz"), gzip(bytes));
    } else {
      write_file(folder / name, bytes);
    }
  };
  write("train-images-idx3-ubyte", idx({samples, 28, 28}, pixels));
  write("train-labels-idx1-ubyte", idx({samples}, labels));
}

std::vector<std::uint8_t> pixels_of(const Dataset& dataset) {
  std::vector<std::int64_t> indices(dataset.info.samples);
  std::iota(indices.begin(), indices.end(), 0);
  const Batch batch = make_batch(dataset, indices, {.standardise = false});
  std::vector<std::uint8_t> pixels;
  for (const float value : batch.inputs)
    pixels.push_back(static_cast<std::uint8_t>(std::lround(value * 255)));
  return pixels;
}

std::vector<int> labels_of(const Dataset& dataset) {
  std::vector<double> values(dataset.labels.size());
  dataset.labels.read(0, values);
  return {values.begin(), values.end()};
}

std::string user_error(const std::function<void()>& body) {
  try {
    body();
  } catch (const UserError& error) {
    return error.what();
  }
  ADD_FAILURE() << "no UserError was thrown";
  return {};
}

std::vector<std::uint8_t> from_hex(const std::string& digits) {
  std::vector<std::uint8_t> bytes(digits.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i)
    std::from_chars(&digits[2 * i], &digits[2 * i] + 2, bytes[i], 16);
  return bytes;
}

}  // namespace cape::datasets
