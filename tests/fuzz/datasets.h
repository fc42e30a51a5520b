/// What the targets of src/datasets share.
#pragma once

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

/// Makes a batch of the first and last samples of a data set that was read, as
/// a trainer does.
inline void use(const datasets::Dataset& dataset) {
  const datasets::DatasetInfo& info = dataset.info;
  const datasets::Array& labels = dataset.labels;
  require(labels.count() == info.samples);
  if (info.samples == 0) return;
  for (std::size_t i = 0; info.classes > 0 && i < labels.size(); ++i) {
    const bool listed = info.task == datasets::Task::multilabel;
    const double most = listed ? 1 : static_cast<double>(info.classes - 1);
    require(labels[i] >= 0 && labels[i] <= most);
  }
  const std::vector<std::int64_t> ends = {0, info.samples - 1};
  datasets::make_batch(dataset, ends, {});
}

inline void load_and_use(const std::string& name,
                         const std::filesystem::path& place) {
  takes([&] { use(datasets::load_from(name, place)); });
}

}  // namespace cape::fuzz
