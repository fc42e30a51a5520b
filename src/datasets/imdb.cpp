#include "datasets/imdb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <tuple>

#include "core/error.h"
#include "datasets/archive.h"
#include "datasets/md5.h"

namespace cape::datasets {
namespace {

namespace fs = std::filesystem;

struct Review {
  bool positive = false;
  std::int64_t id = 0;
  std::vector<WordCounts::Entry> words;
  std::vector<std::uint16_t> tokens;
};

/// A letter in lower case; 0 for all other characters.
constexpr std::array<char, 256> kLetters = [] {
  std::array<char, 256> letters{};
  for (char c = 'a'; c <= 'z'; ++c) letters[c] = letters[c - 'a' + 'A'] = c;
  letters['\''] = '\'';
  return letters;
}();

/// Five bits for each letter; 0 for a word that is too long for that.
std::uint64_t code_of(const std::string& word) {
  if (word.size() > 64 / 5) return 0;
  std::uint64_t code = 0;
  for (const char letter : word)
    code = code << 5 | (letter == '\'' ? 27 : letter - 'a' + 1);
  return code;
}

/// The numbers in "ID_RATING.txt"; nothing when the name has another form.
std::optional<std::pair<std::int64_t, int>> parse_name(std::string_view name) {
  std::int64_t id = 0;
  int rating = 0;
  const char* const end = name.data() + name.size();
  const auto [bar, bad_id] = std::from_chars(name.data(), end, id);
  if (bad_id != std::errc{} || bar == end || *bar != '_') return std::nullopt;
  const auto [dot, bad_rating] = std::from_chars(bar + 1, end, rating);
  if (bad_rating != std::errc{} || std::string_view(dot, end) != ".txt")
    return std::nullopt;
  return std::pair(id, rating);
}

/// Collects the reviews, which may come in any order.
class Reviews {
 public:
  explicit Reviews(const KnownDataset& known)
      : known_(known),
        hasher_(known.vocabulary > 0
                    ? static_cast<std::size_t>(known.vocabulary - 1)
                    : sample_size(known)) {}

  /// Whether a path ends in train/{neg,pos}/ID_RATING.txt.
  static bool is_review(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos) return false;
    const std::string_view folder = path.substr(0, slash);
    const auto is = [&](std::string_view name) {
      return folder.ends_with(name) &&
             (folder == name || folder[folder.size() - name.size() - 1] == '/');
    };
    return (is("train/pos") || is("train/neg")) &&
           parse_name(path.substr(slash + 1));
  }

  void add(const std::string& name, std::string_view text) {
    const std::size_t slash = name.rfind('/');
    const bool positive = name.compare(slash - 3, 3, "pos") == 0;
    const auto [id, rating] = parse_name(name.substr(slash + 1)).value();
    if (positive ? rating < 7 || rating > 10 : rating < 1 || rating > 4) {
      fail_user("{}: rating {}, but reviews in {} have {}", name, rating,
                positive ? "pos" : "neg", positive ? "7 to 10" : "1 to 4");
    }
    Review& review = reviews_.emplace_back();
    review.positive = positive;
    review.id = id;
    if (known_.vocabulary > 0) {
      review.tokens = tokens_of(text);
    } else {
      review.words = hasher_.count(text);
    }
    if (reviews_.size() > static_cast<std::size_t>(known_.train_size))
      fail_user("{}: more than the {} official reviews", name,
                known_.train_size);
  }

  Samples samples(const std::string& place) {
    if (reviews_.empty()) fail_user("{}: holds no reviews", place);
    std::sort(reviews_.begin(), reviews_.end(),
              [](const Review& a, const Review& b) {
                return std::tie(a.positive, a.id) < std::tie(b.positive, b.id);
              });
    std::vector<std::uint8_t> labels;
    for (const Review& review : reviews_) {
      labels.push_back(review.positive ? 1 : 0);
    }
    if (known_.vocabulary > 0) return {all_tokens(), std::move(labels)};
    return {all_counts(), std::move(labels)};
  }

 private:
  std::vector<std::uint16_t> tokens_of(std::string_view text) {
    const std::size_t length = sample_size(known_);
    std::vector<std::uint16_t> tokens = hasher_.first(text, length);
    for (std::uint16_t& token : tokens) ++token;
    tokens.resize(length, 0);
    return tokens;
  }

  WordCounts all_counts() const {
    WordCounts counts;
    for (const Review& review : reviews_) {
      counts.entries.insert(counts.entries.end(), review.words.begin(),
                            review.words.end());
      counts.ends.push_back(counts.entries.size());
    }
    return counts;
  }

  Array all_tokens() const {
    std::vector<std::uint8_t> bytes;
    for (const Review& review : reviews_) {
      for (const std::uint16_t token : review.tokens) {
        bytes.push_back(static_cast<std::uint8_t>(token & 0xff));
        bytes.push_back(static_cast<std::uint8_t>(token >> 8));
      }
    }
    return {.type = ElementType::uint16,
            .shape = {std::ssize(reviews_), known_.shape.front()},
            .elements = Bytes(std::move(bytes))};
  }

  const KnownDataset& known_;
  WordHasher hasher_;
  std::vector<Review> reviews_;
};

std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

void read_folder(const Layout& layout, const fs::path& place,
                 Reviews& reviews) {
  for (const std::string& folder : layout.files) {
    for (const fs::directory_entry& entry :
         fs::directory_iterator(place / fs::path(folder).parent_path())) {
      if (!Reviews::is_review(entry.path().native())) continue;
      const Bytes text = map_file(entry.path());
      if (text.size() > layout.largest)
        fail_user("{}: too long for a review", entry.path().string());
      reviews.add(entry.path().string(), as_text(text.data(), text.size()));
    }
  }
}

void read_archive(const Layout& layout, const fs::path& place,
                  Reviews& reviews) {
  Archive archive(place);
  while (archive.next()) {
    if (!Reviews::is_review(archive.member())) continue;
    const std::vector<std::uint8_t> text = archive.read(layout.largest);
    reviews.add(place.string() + ":" + archive.member(),
                as_text(text.data(), text.size()));
  }
}

}  // namespace

/// Calls use(word) for each word of `text` until it returns false.
template <class Use>
void for_each_word(std::string_view text, const Use& use) {
  std::string word;
  for (const char c : text) {
    if (const char letter = kLetters[static_cast<unsigned char>(c)]) {
      word += letter;
    } else if (!word.empty()) {
      if (!use(word)) return;
      word.clear();
    }
  }
  if (!word.empty()) use(word);
}

std::vector<std::uint16_t> WordHasher::first(std::string_view text,
                                             std::size_t most) {
  std::vector<std::uint16_t> hashes;
  for_each_word(text, [&](const std::string& word) {
    hashes.push_back(bucket_of(word));
    return hashes.size() < most;
  });
  return hashes;
}

std::vector<WordCounts::Entry> WordHasher::count(std::string_view text) {
  std::vector<std::uint16_t> seen;
  for_each_word(text, [&](const std::string& word) {
    const std::uint16_t bucket = bucket_of(word);
    if (counts_[bucket]++ == 0) seen.push_back(bucket);
    return true;
  });
  std::sort(seen.begin(), seen.end());
  std::vector<WordCounts::Entry> entries;
  entries.reserve(seen.size());
  for (const std::uint16_t bucket : seen)
    entries.push_back({bucket, std::exchange(counts_[bucket], 0)});
  return entries;
}

std::uint16_t WordHasher::bucket_of(const std::string& word) {
  const std::uint64_t code = code_of(word);
  const std::uint64_t spread = code * 0x9e3779b97f4a7c15;
  Known& known = known_[spread >> (64 - kKnownBits)];
  if (code == 0 || known.code != code) {
    std::size_t remainder = 0;
    for (const std::uint8_t byte : md5(word))
      remainder = (remainder << 8 | byte) % counts_.size();
    known = {code, static_cast<std::uint16_t>(remainder)};
  }
  return known.bucket;
}

Samples read_imdb(const KnownDataset& known, const Layout& layout,
                  const fs::path& place) {
  Reviews reviews(known);
  if (fs::is_directory(place)) {
    read_folder(layout, place, reviews);
  } else {
    read_archive(layout, place, reviews);
  }
  return reviews.samples(place.string());
}

}  // namespace cape::datasets
