/// The Large Movie Review Dataset, aclImdb: a review a file,
/// train/{neg,pos}/ID_RATING.txt.
/// https://ai.stanford.edu/~amaas/data/sentiment/
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datasets/registry.h"

namespace cape::datasets {

/// Counts the words of texts by their hashes. A word is [A-Za-z']+ in lower
/// case; its hash is its MD5 digest as a big-endian number, modulo `buckets`.
class WordHasher {
 public:
  explicit WordHasher(std::size_t buckets) : counts_(buckets) {}

  /// Sorted by word. At most 65,535 words.
  std::vector<WordCounts::Entry> count(std::string_view text);

 private:
  std::uint16_t bucket_of(const std::string& word);

  std::vector<std::uint16_t> counts_;
  std::unordered_map<std::string, std::uint16_t> buckets_;
};

/// The labelled reviews of the training split, negative (0) before positive
/// (1), each by id; train/unsup is passed over. Throws UserError naming the
/// file: unreadable, damaged, of a rating that its folder does not have.
Samples read_imdb(const KnownDataset& known, const Layout& layout,
                  const std::filesystem::path& place);

}  // namespace cape::datasets
