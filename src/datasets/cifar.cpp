#include "datasets/cifar.h"

#include <string>

#include "core/error.h"
#include "datasets/gzip.h"
#include "datasets/locate.h"

namespace cape::datasets {
namespace {

constexpr std::size_t kPixels = 3 * 32 * 32;
constexpr std::size_t kRecord = 1 + kPixels;

void append_records(const KnownDataset& known, const std::string& file,
                    const std::vector<std::uint8_t>& bytes, Samples& samples) {
  if (bytes.empty() || bytes.size() % kRecord != 0) {
    fail_user(
        "{}: {} bytes are not a whole number of records of {} bytes (a label "
        "and 3 x 32 x 32 pixels); copy or download it again",
        file, bytes.size(), kRecord);
  }
  for (std::size_t at = 0; at < bytes.size(); at += kRecord) {
    const std::uint8_t label = bytes[at];
    if (label >= known.classes) {
      fail_user("{}: label {} at record {}, but the labels of {} are 0 to {}",
                file, label, at / kRecord, known.name, known.classes - 1);
    }
    samples.labels.push_back(label);
    samples.pixels.insert(samples.pixels.end(), &bytes[at] + 1,
                          &bytes[at] + kRecord);
    ++samples.count;
  }
}

}  // namespace

Samples read_cifar_samples(const KnownDataset& known,
                           const std::filesystem::path& directory) {
  const std::size_t most =
      static_cast<std::size_t>(known.train_size) / known.files.size() * kRecord;
  Samples samples;
  for (const std::string& name : known.files) {
    const std::filesystem::path file = find_file(directory, name);
    if (file.empty()) continue;
    append_records(known, file.string(), read_maybe_gzip(file, most), samples);
  }
  return samples;
}

}  // namespace cape::datasets
