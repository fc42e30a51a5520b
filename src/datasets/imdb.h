/// The Large Movie Review Dataset, aclImdb: a review a file,
/// train/{neg,pos}/ID_RATING.txt.
/// https://ai.stanford.edu/~amaas/data/sentiment/
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// Counts the words of texts by their hashes. A word is [A-Za-z']+ in lower
/// case; its hash is its MD5 digest as a big-endian number, modulo `buckets`.
class WordHasher {
 public:
  explicit WordHasher(std::size_t buckets)
      : counts_(buckets), known_(std::size_t{1} << kKnownBits) {}

  /// Sorted by word. At most 65,535 words.
  std::vector<WordCounts::Entry> count(std::string_view text);

 private:
  static constexpr int kKnownBits = 16;
  struct Known {
    std::uint64_t code = 0;  ///< of the word; 0: none
    std::uint16_t bucket = 0;
  };

  std::uint16_t bucket_of(const std::string& word);

  std::vector<std::uint16_t> counts_;
  std::vector<Known> known_;  ///< each at a place that its code decides
};

/// The labelled reviews of the training split, negative (0) before positive
/// (1), each by id; train/unsup is passed over. Throws UserError naming the
/// file: unreadable, damaged, of a rating that its folder does not have.
Samples read_imdb(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place);

}  // namespace cape::datasets
