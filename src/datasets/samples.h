/// The samples of a data set in the form of its files; batches convert them to
/// floats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "datasets/array.h"
#include "datasets/bytes.h"

namespace cape {
class ContentHasher;
}

namespace cape::datasets {

/// 8-bit images, channel by channel, in one or several files.
struct Images {
  /// Equally spaced images in one piece of memory.
  struct Block {
    Bytes bytes;             ///< begins with the first image
    std::size_t stride = 0;  ///< from an image to the next
    std::int64_t count = 0;
  };
  std::vector<Block> blocks;
  /// Whether each channel is stored column by column instead of row by row.
  bool transposed = false;

  /// The first byte of image `index`, which must exist.
  const std::uint8_t* at(std::int64_t index) const;

  /// Of images of `size` bytes, however they lie in memory.
  void hash(std::size_t size, ContentHasher& hasher) const;
};

/// How often each hashed word occurs in a text. Sparse, since most counts are
/// 0.
struct WordCounts {
  struct Entry {
    std::uint16_t word;  ///< below the size of a sample
    std::uint16_t count;
  };
  std::vector<Entry> entries;     ///< of all texts, each sorted by word
  std::vector<std::size_t> ends;  ///< of the texts' entries

  /// The entries of text `index`, which must exist.
  std::span<const Entry> of(std::int64_t index) const;
};

/// An Array holds numbers of any shape.
using Inputs = std::variant<Images, WordCounts, Array>;

/// What a reader finds in the files of a data set.
struct Samples {
  Inputs inputs;
  std::vector<std::uint8_t> labels;  ///< each below the number of classes
};

}  // namespace cape::datasets
