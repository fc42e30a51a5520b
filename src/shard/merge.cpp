#include "shard/merge.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "shard/csv.h"
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

MergedTable::MergedTable(const std::vector<std::filesystem::path>& inputs,
                         std::vector<RowFilter> filters)
    : filters_(std::move(filters)), filtered_by_(filters_.size()) {
  for (const auto& input : inputs) read_input(input);
  for (std::size_t f = 0; f < filters_.size(); ++f) {
    if (filters_[f].is_negated() && filtered_by_[f] == 0) {
      report_.idle_filters.push_back(filters_[f].condition());
    }
  }
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
    fail_user("{}: no such file; name shards, folders of shards or CSV files",
              input.string());
  } else if (is_csv(input)) {
    sources_.push_back(input);
    for (const Row& row : read_csv(input)) add(row);
    ++report_.files;
  } else {
    read_shard(input);
  }
}

void MergedTable::read_shard(const std::filesystem::path& path) {
  const std::size_t rows_before = rows_.size();
  const std::int64_t filtered_before = report_.filtered;
  const auto filtered_by_before = filtered_by_;
  sources_.push_back(path);
  try {
    const ShardContent content =
        for_each_row(path, [this](const Row& row) { add(row); });
    report_.unknown_columns.insert(content.unknown_columns.begin(),
                                   content.unknown_columns.end());
    ++report_.files;
  } catch (const UserError& error) {
    // A shard counts as a whole or not at all.
    report_.rows_read -= static_cast<std::int64_t>(rows_.size() - rows_before);
    rows_.resize(rows_before);
    report_.filtered = filtered_before;
    filtered_by_ = filtered_by_before;
    sources_.pop_back();
    report_.unreadable.push_back({path, error.what()});
  }
}

void MergedTable::add(const Row& row) {
  bool matches = true;
  for (std::size_t f = 0; f < filters_.size(); ++f) {
    if (filters_[f].matches(row)) continue;
    ++filtered_by_[f];
    matches = false;
  }
  if (!matches) {
    ++report_.filtered;
    return;
  }
  rows_.push_back({row, static_cast<std::uint32_t>(sources_.size() - 1)});
  unify_missing(rows_.back().row);
  ++report_.rows_read;
}

/// The row that stays of those with one key.
std::uint32_t MergedTable::pick(std::span<const std::uint32_t> same_key) {
  const auto version = [this](std::uint32_t i) {
    return rows_[i].row.probe_version;
  };
  const std::int32_t newest =
      version(*std::ranges::max_element(same_key, {}, version));
  std::uint32_t best = *std::ranges::find(same_key, newest, version);
  const std::uint32_t first = best;
  bool differ = false;
  for (const std::uint32_t other : same_key) {
    if (other == first) continue;
    const int order = compare_content(rows_[other].row, rows_[best].row);
    differ = differ || order != 0;
    if (version(other) != newest) {
      ++report_.superseded;
    } else {
      ++report_.duplicates;
      if (order < 0) best = other;
    }
  }
  if (differ) report_.conflicts.push_back(rows_[best].row.key.str());
  return best;
}

void MergedTable::drop_duplicates() {
  const auto key = [this](std::uint32_t index) {
    return std::string_view(rows_[index].row.key.digits.data(), sizeof(Key));
  };
  // Most keys differ in their first bytes, so that few are looked up.
  struct Entry {
    std::uint64_t beginning;
    std::uint32_t index;
  };
  std::vector<Entry> by_key(rows_.size());
  for (std::uint32_t i = 0; i < rows_.size(); ++i) {
    by_key[i].index = i;
    std::memcpy(&by_key[i].beginning, rows_[i].row.key.digits.data(),
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

void MergedTable::sort() {
  const auto place = [](const Row& row) {
    return std::tuple(row.family.view(), row.dataset.view(),
                      sortable(row.learning_rate), row.batch_size,
                      sortable(row.epsilon), row.trial, row.key.view());
  };
  std::ranges::sort(order_, [&](std::uint32_t a, std::uint32_t b) {
    return place(rows_[a].row) < place(rows_[b].row);
  });
}

}  // namespace cape::shard
