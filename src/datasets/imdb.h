/// The Large Movie Review Dataset, aclImdb: each review is a file
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
/// case. Its hash is its MD5 digest as a big-endian number, modulo `buckets`.
class WordHasher {
 public:
  explicit WordHasher(std::size_t buckets)
      : counts_(buckets), known_(std::size_t{1} << kKnownBits) {}

  /// The counts of a text, sorted by word. A text has at most 65,535 words.
  std::vector<WordCounts::Entry> count(std::string_view text);

  /// The hashes of the first words of a text, at most `most` of them.
  std::vector<std::uint16_t> first(std::string_view text, std::size_t most);

 private:
  static constexpr int kKnownBits = 16;
  struct Known {
    std::uint64_t code = 0;  ///< of the word; 0: none
    std::uint16_t bucket = 0;
  };

  std::uint16_t bucket_of(const std::string& word);

  std::vector<std::uint16_t> counts_;
  std::vector<Known> known_;  ///< each at an index that follows from its code
};

/// The labelled reviews of the training split, negative (0) before positive
/// (1), each class sorted by id; train/unsup is not read. Counts of hashed
/// words or, where `known` has a vocabulary, tokens: 1 + the hash of each word,
/// and 0 behind the last word of a short review. Throws UserError, which names
/// the file: unreadable, damaged, or with a rating that does not fit its
/// folder.
Samples read_imdb(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place);

}  // namespace cape::datasets
