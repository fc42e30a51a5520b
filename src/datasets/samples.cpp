#include "datasets/samples.h"

#include "core/hash.h"

namespace cape::datasets {

const std::uint8_t* Images::at(std::int64_t index) const {
  auto block = blocks.begin();
  for (; index >= block->count; ++block) index -= block->count;
  return block->bytes.data() + static_cast<std::size_t>(index) * block->stride;
}

void Images::hash(std::size_t size, ContentHasher& hasher) const {
  if (transposed) hasher.update("transposed;", 11);
  for (const Block& block : blocks) {
    const auto count = static_cast<std::size_t>(block.count);
    if (block.stride == size) {
      hasher.update(block.bytes.data(), count * size);
    } else {
      for (std::size_t i = 0; i < count; ++i)
        hasher.update(block.bytes.data() + i * block.stride, size);
    }
  }
}

std::span<const WordCounts::Entry> WordCounts::of(std::int64_t index) const {
  const auto text = static_cast<std::size_t>(index);
  const std::size_t begin = text == 0 ? 0 : ends[text - 1];
  return {entries.data() + begin, ends[text] - begin};
}

}  // namespace cape::datasets
