#include "shard/compact.h"

#include <algorithm>
#include <map>
#include <optional>

#include "core/error.h"
#include "core/files.h"
#include "shard/csv.h"
#include "shard/image.h"
#include "shard/reader.h"

namespace cape::shard {
namespace {

constexpr std::size_t kRowsPerWrite = 4096;

bool is_shard(const std::filesystem::path& source) { return !is_csv(source); }

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

/// Where the curves of a row are.
struct Place {
  std::int64_t training = 0;
  std::int64_t validation = 0;
};

/// The rows (indices in the table) that have a curve, by source.
std::map<std::filesystem::path, std::vector<std::size_t>> rows_with_curves(
    const MergedTable& table) {
  std::map<std::filesystem::path, std::vector<std::size_t>> rows;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const Row& row = table.row(i);
    if (row.curve_length + row.validation_length > 0) {
      rows[table.source(i)].push_back(i);
    }
  }
  return rows;
}

/// Copies curves of one source to a new shard, each once.
class CurveCopier {
 public:
  /// `total` losses are in the new shard.
  CurveCopier(const std::filesystem::path& source, ImageBuilder& image,
              std::int64_t& total)
      : source_(source),
        image_(image),
        total_(total),
        losses_(read_curves(source)),
        steps_(read_curve_steps(source)) {}

  /// The new offset of `length` losses that begin at `offset`.
  std::int64_t copy(std::int64_t offset, std::int64_t length) {
    if (length == 0) return 0;
    const auto [place, is_new] = copied_.try_emplace(offset, total_);
    if (!is_new) return place->second;
    const bool fits = offset >= 0 && length >= 0 &&
                      length <= std::ssize(losses_) - offset &&
                      (steps_.empty() || steps_.size() == losses_.size());
    if (!fits) {
      fail_user("{}: changed while it was read; run the command again",
                source_.string());
    }
    const std::span<const float> losses(losses_);
    Curve curve(losses.subspan(static_cast<std::size_t>(offset),
                               static_cast<std::size_t>(length)));
    if (!steps_.empty()) {
      std::copy_n(steps_.begin() + offset, length, curve.steps.begin());
    }
    image_.append_curve(curve);
    total_ += length;
    return place->second;
  }

 private:
  const std::filesystem::path& source_;
  ImageBuilder& image_;
  std::int64_t& total_;
  std::vector<float> losses_;
  std::vector<std::int32_t> steps_;
  std::map<std::int64_t, std::int64_t> copied_;
};

void copy_rows(const MergedTable& table, const std::vector<Place>& places,
               ImageBuilder& image) {
  std::vector<Row> rows;
  for (std::size_t i = 0; i < table.size(); ++i) {
    rows.push_back(table.row(i));
    rows.back().curve_offset = places[i].training;
    rows.back().validation_offset = places[i].validation;
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
  std::vector<Place> places(table.size());
  std::int64_t total = 0;
  for (const auto& [source, rows] : rows_with_curves(table)) {
    CurveCopier curves(source, image, total);
    for (const std::size_t i : rows) {
      const Row& row = table.row(i);
      places[i].training = curves.copy(row.curve_offset, row.curve_length);
      places[i].validation =
          curves.copy(row.validation_offset, row.validation_length);
    }
  }
  copy_rows(table, places, image);
  publish_file(path, image.finish());
}

}  // namespace cape::shard
