#include "shard/merge.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "shard/published_csv.h"
#include "shard/reader.h"

namespace cape::shard {
namespace {

/// NaN has many bit patterns, and means one thing.
void unify_missing(Row& row) {
  for (const Column& column : columns()) {
    if (column.type != ColumnType::float64) continue;
    char* bytes = reinterpret_cast<char*>(&row) + column.offset;
    double value = 0;
    std::memcpy(&value, bytes, sizeof(value));
    if (std::isnan(value)) std::memcpy(bytes, &Row::kMissing, sizeof(value));
  }
}

/// A number for sorting; missing ones are last.
double sortable(double value) {
  return std::isnan(value) ? std::numeric_limits<double>::infinity() : value;
}

}  // namespace

MergedTable::MergedTable(const std::vector<std::filesystem::path>& inputs) {
  for (const auto& input : inputs) read_input(input);
  drop_duplicates();
  sort();
}

void MergedTable::read_input(const std::filesystem::path& input) {
  if (std::filesystem::is_directory(input)) {
    const auto shards = shards_in(input);
    if (shards.empty()) {
      fail_user("{}: no shards (*.h5) in this folder; name a shard or another",
                input.string());
    }
    for (const auto& shard : shards) read_shard(shard);
  } else if (!std::filesystem::exists(input)) {
    fail_user(
        "{}: no such file; name shards, folders of shards or published "
        "CSV files",
        input.string());
  } else if (input.extension() == ".csv") {
    sources_.push_back(input);
    for (const Row& row : read_published_csv(input)) add(row);
    ++report_.files;
  } else {
    read_shard(input);
  }
}

void MergedTable::read_shard(const std::filesystem::path& path) {
  const std::size_t rows_before = rows_.size();
  sources_.push_back(path);
  try {
    for_each_row(path, [this](const Row& row) { add(row); });
    ++report_.files;
  } catch (const UserError& error) {
    // A shard counts as a whole or not at all.
    report_.rows_read -= static_cast<std::int64_t>(rows_.size() - rows_before);
    rows_.resize(rows_before);
    sources_.pop_back();
    report_.unreadable.push_back({path, error.what()});
  }
}

void MergedTable::add(const Row& row) {
  Row unified = row;
  unify_missing(unified);
  const char* bytes = reinterpret_cast<const char*>(&unified);
  const auto [text, is_new] = text_index_.try_emplace(
      std::string(bytes + kTextsBegin, bytes + kTextsEnd),
      static_cast<std::uint32_t>(texts_.size()));
  if (is_new) texts_.push_back(&text->first);

  PackedRow& packed = rows_.emplace_back();
  std::memcpy(packed.keys.data(), bytes, packed.keys.size());
  std::memcpy(packed.rest.data(), bytes + kTextsEnd, packed.rest.size());
  packed.texts = text->second;
  packed.source = static_cast<std::uint32_t>(sources_.size() - 1);
  ++report_.rows_read;
}

Row MergedTable::unpack(const PackedRow& packed) const {
  Row row;
  char* bytes = reinterpret_cast<char*>(&row);
  const std::string& texts = *texts_[packed.texts];
  std::memcpy(bytes, packed.keys.data(), packed.keys.size());
  texts.copy(bytes + kTextsBegin, texts.size());
  std::memcpy(bytes + kTextsEnd, packed.rest.data(), packed.rest.size());
  return row;
}

/// The row that stays of those with one key.
std::uint32_t MergedTable::pick(std::span<const std::uint32_t> same_key) {
  std::uint32_t best = same_key.front();
  bool differ = false;
  for (const std::uint32_t other : same_key.subspan(1)) {
    const int order =
        compare_content(unpack(rows_[other]), unpack(rows_[best]));
    differ = differ || order != 0;
    if (order < 0) best = other;
  }
  report_.duplicates += static_cast<std::int64_t>(same_key.size()) - 1;
  if (differ) report_.conflicts.push_back(unpack(rows_[best]).key.str());
  return best;
}

void MergedTable::drop_duplicates() {
  const auto key = [this](std::uint32_t index) {
    return std::string_view(rows_[index].keys.data(), sizeof(Row::key));
  };
  // Most keys differ in their first bytes, so that few are looked up.
  struct Entry {
    std::uint64_t beginning;
    std::uint32_t index;
  };
  std::vector<Entry> by_key(rows_.size());
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    by_key[i].index = i;
    std::memcpy(&by_key[i].beginning, rows_[i].keys.data(),
                sizeof(by_key[i].beginning));
  }
  std::ranges::sort(by_key, [&](const Entry& a, const Entry& b) {
    if (a.beginning != b.beginning) return a.beginning < b.beginning;
    const int order = key(a.index).compare(key(b.index));
    return order != 0 ? order < 0 : a.index < b.index;
  });
  order_.clear();
  std::vector<std::uint32_t> same_key;
  for (auto first = by_key.begin(); first != by_key.end();) {
    same_key.clear();
    auto end = first;
    while (end != by_key.end() && end->beginning == first->beginning &&
           key(end->index) == key(first->index)) {
      same_key.push_back((end++)->index);
    }
    order_.push_back(pick(same_key));
    first = end;
  }
}

/// The place of each of texts_ when they are ordered by family and data set;
/// equal where both are.
std::vector<std::uint32_t> MergedTable::text_ranks() const {
  const auto names = [this](std::size_t i) {
    const std::string_view text = *texts_[i];
    return std::pair(
        text.substr(offsetof(Row, family) - kTextsBegin, sizeof(Row::family)),
        text.substr(offsetof(Row, dataset) - kTextsBegin,
                    sizeof(Row::dataset)));
  };
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> places;
  for (std::size_t i = 0; i < texts_.size(); ++i) places[names(i)] = 0;
  std::uint32_t next = 0;
  for (auto& [name, place] : places) place = next++;
  std::vector<std::uint32_t> ranks(texts_.size());
  for (std::size_t i = 0; i < ranks.size(); ++i) ranks[i] = places[names(i)];
  return ranks;
}

void MergedTable::sort() {
  struct Rank {
    std::uint32_t texts;
    std::int32_t batch_size;
    double learning_rate;
    double epsilon;
    std::int64_t trial;
    std::uint32_t index;
  };
  const auto read = [this]<class T>(std::uint32_t index, std::size_t offset,
                                    T value) {
    std::memcpy(&value, rows_[index].rest.data() + (offset - kTextsEnd),
                sizeof(value));
    return value;
  };
  const std::vector<std::uint32_t> texts = text_ranks();
  std::vector<Rank> ranks;
  ranks.reserve(order_.size());
  for (const std::uint32_t i : order_) {
    ranks.push_back(
        {.texts = texts[rows_[i].texts],
         .batch_size = read(i, offsetof(Row, batch_size), std::int32_t{}),
         .learning_rate = sortable(read(i, offsetof(Row, learning_rate), 0.0)),
         .epsilon = sortable(read(i, offsetof(Row, epsilon), 0.0)),
         .trial = read(i, offsetof(Row, trial), std::int64_t{}),
         .index = i});
  }
  std::ranges::sort(ranks, [this](const Rank& a, const Rank& b) {
    const auto settings = [](const Rank& rank) {
      return std::tie(rank.texts, rank.learning_rate, rank.batch_size,
                      rank.epsilon, rank.trial);
    };
    if (settings(a) != settings(b)) return settings(a) < settings(b);
    return std::memcmp(rows_[a.index].keys.data(), rows_[b.index].keys.data(),
                       sizeof(Row::key)) < 0;
  });
  std::ranges::transform(ranks, order_.begin(), &Rank::index);
}

}  // namespace cape::shard
