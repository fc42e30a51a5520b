#include "shard/writer.h"

#include <fmt/format.h>

#include <utility>

#include "core/files.h"
#include "core/units.h"
#include "shard/image.h"

namespace cape::shard {
namespace {

constexpr std::size_t kBytesPerLoss = sizeof(float) + sizeof(std::int32_t);

}  // namespace

std::string shard_image(std::span<const Row> rows, const Curve& curves,
                        const Provenance& provenance) {
  TextWidths widths;
  for (const Row& row : rows) widths.add(row);
  ImageBuilder image(provenance, widths.layout());
  image.append_rows(rows);
  image.append_curve(curves);
  return image.finish();
}

std::string hdf5_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

ShardWriter::ShardWriter(Options options)
    : options_(std::move(options)), files_(1) {}

void ShardWriter::add(std::vector<Row> rows, const Curves& curves) {
  if (rows.empty()) return;
  if (!has_room(files_.back(), rows.size(), curves.size())) {
    File next;
    next.sequence = files_.back().sequence + 1;
    files_.push_back(std::move(next));
  }
  File& file = files_.back();
  const auto append = [&](const Curve& curve, std::int64_t Row::*offset,
                          std::int64_t Row::*length) {
    const std::int64_t count = std::ssize(curve.losses);
    for (Row& row : rows) {
      row.*offset = count == 0 ? 0 : std::ssize(file.curves.losses);
      row.*length = count;
    }
    file.curves.append(curve);
  };
  append(curves.training, &Row::curve_offset, &Row::curve_length);
  append(curves.validation, &Row::validation_offset, &Row::validation_length);
  file.rows.insert(file.rows.end(), rows.begin(), rows.end());
}

void ShardWriter::flush() {
  while (files_.size() > 1) {
    publish(files_.front());
    files_.pop_front();
  }
  publish(files_.front());
}

std::int64_t ShardWriter::unpublished_rows() const {
  std::size_t rows = 0;
  for (const File& file : files_) {
    rows += file.rows.size() - file.published_rows;
  }
  return static_cast<std::int64_t>(rows);
}

std::int64_t ShardWriter::unpublished_bytes() const {
  std::size_t bytes = 0;
  for (const File& file : files_) {
    if (file.published_rows < file.rows.size()) bytes += size_of(file);
  }
  return static_cast<std::int64_t>(bytes);
}

std::size_t ShardWriter::size_of(const File& file) {
  return file.rows.size() * sizeof(Row) +
         file.curves.losses.size() * kBytesPerLoss;
}

bool ShardWriter::has_room(const File& file, std::size_t rows,
                           std::size_t losses) const {
  if (file.rows.empty()) return true;
  const std::size_t all_rows = file.rows.size() + rows;
  const std::size_t bytes =
      size_of(file) + rows * sizeof(Row) + losses * kBytesPerLoss;
  return std::cmp_less_equal(all_rows, options_.rows_per_shard) &&
         std::cmp_less_equal(bytes, options_.bytes_per_shard);
}

void ShardWriter::publish(File& file) const {
  if (file.published_rows == file.rows.size()) return;
  Provenance provenance = options_.provenance;
  provenance.attributes.emplace_back("ended", utc_now());
  publish_file(options_.directory /
                   fmt::format("{}-{:04}.h5", options_.prefix, file.sequence),
               shard_image(file.rows, file.curves, provenance));
  file.published_rows = file.rows.size();
}

}  // namespace cape::shard
