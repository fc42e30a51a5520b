#include "shard/merge.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string_view>
#include <tuple>

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
  std::vector<std::uint32_t> by_key(rows_.size());
  std::iota(by_key.begin(), by_key.end(), 0U);
  const auto key = [this](std::uint32_t index) {
    return std::string_view(rows_[index].keys.data(), sizeof(Row::key));
  };
  std::ranges::stable_sort(by_key, {}, key);
  order_.clear();
  for (auto first = by_key.begin(); first != by_key.end();) {
    const auto end = std::find_if(first, by_key.end(), [&](auto index) {
      return key(index) != key(*first);
    });
    order_.push_back(pick({first, end}));
    first = end;
  }
}

void MergedTable::sort() {
  const auto rest = [this]<class T>(std::uint32_t index, std::size_t offset,
                                    T value) {
    std::memcpy(&value, rows_[index].rest.data() + (offset - kTextsEnd),
                sizeof(value));
    return value;
  };
  const auto text = [this](std::uint32_t index, std::size_t offset,
                           std::size_t size) {
    return std::string_view(*texts_[rows_[index].texts])
        .substr(offset - kTextsBegin, size);
  };
  const auto rank = [&](std::uint32_t i) {
    return std::tuple(text(i, offsetof(Row, family), sizeof(Row::family)),
                      text(i, offsetof(Row, dataset), sizeof(Row::dataset)),
                      sortable(rest(i, offsetof(Row, learning_rate), 0.0)),
                      rest(i, offsetof(Row, batch_size), std::int32_t{}),
                      sortable(rest(i, offsetof(Row, epsilon), 0.0)),
                      rest(i, offsetof(Row, trial), std::int64_t{}),
                      std::string_view(rows_[i].keys.data(), sizeof(Row::key)));
  };
  std::ranges::sort(order_, {}, rank);
}

}  // namespace cape::shard
