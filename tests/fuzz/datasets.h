/// What the targets of src/datasets share.
#pragma once

#include <algorithm>
#include <vector>

#include "datasets/batch.h"
#include "datasets/bytes.h"
#include "datasets/dataset.h"
#include "support.h"

namespace cape::fuzz {

/// A file in memory of exactly its size, so that a read beyond it is seen.
inline datasets::File file_of(std::span<const std::uint8_t> bytes) {
  return {"input", datasets::Bytes({bytes.begin(), bytes.end()})};
}

/// Reads a data set whole, as a trainer does, and makes a batch of its first
/// and last samples.
inline void load_and_use(const std::string& name,
                         const std::filesystem::path& place) {
  takes([&] {
    const datasets::Dataset dataset = datasets::load_from(name, place);
    const auto& labels = dataset.labels;
    const std::int64_t classes = dataset.info.classes;
    require(std::ssize(labels) == dataset.info.samples);
    require(std::ranges::all_of(labels, [&](int l) { return l < classes; }));
    if (labels.empty()) return;
    const std::vector<std::int64_t> ends = {0, dataset.info.samples - 1};
    datasets::make_batch(dataset, ends, {});
  });
}

}  // namespace cape::fuzz
