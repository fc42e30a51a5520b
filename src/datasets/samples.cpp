#include "datasets/samples.h"

namespace cape::datasets {

const std::uint8_t* Images::at(std::int64_t index) const {
  auto block = blocks.begin();
  for (; index >= block->count; ++block) index -= block->count;
  return block->bytes.data() + static_cast<std::size_t>(index) * block->stride;
}

std::span<const WordCounts::Entry> WordCounts::of(std::int64_t index) const {
  const auto text = static_cast<std::size_t>(index);
  const std::size_t begin = text == 0 ? 0 : ends[text - 1];
  return {entries.data() + begin, ends[text] - begin};
}

}  // namespace cape::datasets
