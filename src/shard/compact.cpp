#include "shard/compact.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "shard/image.h"
#include "shard/reader.h"

namespace cape::shard {
namespace {

constexpr std::size_t kRowsPerWrite = 4096;

bool is_shard(const std::filesystem::path& source) {
  return source.extension() != ".csv";
}

void keep_common(Provenance& common, const Provenance& other) {
  std::erase_if(common.attributes, [&](const auto& attribute) {
    return std::ranges::find(other.attributes, attribute) ==
           other.attributes.end();
  });
  if (common.config_yaml != other.config_yaml) common.config_yaml.clear();
}

Provenance common_provenance(const MergedTable& table) {
  std::optional<Provenance> common;
  for (const auto& source : table.sources()) {
    if (!is_shard(source)) return {};
    const Provenance provenance = read_provenance(source);
    if (common) {
      keep_common(*common, provenance);
    } else {
      common = provenance;
    }
  }
  return common.value_or(Provenance{});
}

/// Where each row's curve is in the new file.
using Offsets = std::vector<std::int64_t>;

/// The rows (indices in the table) that have a curve, by source.
std::map<std::filesystem::path, std::vector<std::size_t>> rows_with_curves(
    const MergedTable& table) {
  std::map<std::filesystem::path, std::vector<std::size_t>> rows;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table.row(i).curve_length > 0) rows[table.source(i)].push_back(i);
  }
  return rows;
}

/// Copies the curves of one source, each once, in the order of the table.
void copy_curves(const MergedTable& table, const std::filesystem::path& source,
                 const std::vector<std::size_t>& rows, ImageBuilder& image,
                 std::int64_t& total, Offsets& offsets) {
  const std::vector<float> losses = read_curves(source);
  std::map<std::int64_t, std::int64_t> copied;
  for (const std::size_t i : rows) {
    const Row& row = table.row(i);
    const auto [place, is_new] = copied.try_emplace(row.curve_offset, total);
    offsets[i] = place->second;
    if (!is_new) continue;
    if (row.curve_offset < 0 ||
        row.curve_offset + row.curve_length > std::ssize(losses)) {
      fail_user("{}: changed while it was read; run the command again",
                source.string());
    }
    image.append_losses(
        std::span(losses).subspan(static_cast<std::size_t>(row.curve_offset),
                                  static_cast<std::size_t>(row.curve_length)));
    total += row.curve_length;
  }
}

void copy_rows(const MergedTable& table, const Offsets& offsets,
               ImageBuilder& image) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < table.size(); ++i) {
    rows.push_back(table.row(i));
    rows.back().curve_offset = offsets[i];
    if (rows.size() == kRowsPerWrite || i + 1 == table.size()) {
      image.append_rows(rows);
      rows.clear();
    }
  }
}

}  // namespace

void export_shard(const MergedTable& table, const std::filesystem::path& path) {
  TextWidths widths;
  for (std::size_t i = 0; i < table.size(); ++i) widths.add(table.row(i));
  ImageBuilder image(common_provenance(table), widths.layout());
  Offsets offsets(table.size(), 0);
  std::int64_t total = 0;
  for (const auto& [source, rows] : rows_with_curves(table)) {
    copy_curves(table, source, rows, image, total, offsets);
  }
  copy_rows(table, offsets, image);
  publish_file(path, image.finish());
}

}  // namespace cape::shard
