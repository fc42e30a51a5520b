#include "shard/image.h"

#include <algorithm>
#include <array>
#include <utility>

#include "shard/checksum.h"

namespace cape::shard {
namespace {

constexpr std::size_t kLossesPerChunk = 16384;

/// A text of a fixed number of bytes, padded with NUL.
template <std::size_t N>
struct Padded {
  std::array<char, N> bytes{};

  Padded(std::string_view text) {
    if (text.size() > N) fail("'{}' has more than {} bytes", text, N);
    text.copy(bytes.data(), N);
  }
};

/// A row of /columns.
struct ColumnNote {
  Padded<32> name;
  Padded<16> unit;
  Padded<128> description;
  bool is_volatile;
  std::int32_t since;
};

void write_column_notes(const hdf5::Handle& file) {
  std::vector<hdf5::Member> members;
  members.push_back(
      {"name", offsetof(ColumnNote, name), hdf5::string_type(32)});
  members.push_back(
      {"unit", offsetof(ColumnNote, unit), hdf5::string_type(16)});
  members.push_back({"description", offsetof(ColumnNote, description),
                     hdf5::string_type(128)});
  members.push_back(
      {"volatile", offsetof(ColumnNote, is_volatile), hdf5::bool_type()});
  members.push_back(
      {"since", offsetof(ColumnNote, since), hdf5::copy_of(H5T_STD_I32LE)});
  const hdf5::Handle type = hdf5::compound_type(sizeof(ColumnNote), members);

  std::vector<ColumnNote> notes;
  for (const Column& column : columns()) {
    notes.push_back({column.name, column.unit, column.description,
                     column.is_volatile(), column.since});
  }
  const hdf5::Handle table =
      hdf5::create_table(file, "columns", hdf5::packed(type), notes.size());
  hdf5::append(table, type, notes.size(), notes.data());
}

/// A larger chunk is compressed better; rows with long descriptions have few.
std::size_t rows_per_chunk(const RecordLayout& layout) {
  constexpr std::size_t kBytes = 2 << 20;
  return std::clamp<std::size_t>(kBytes / layout.size(), 16, 1024);
}

}  // namespace

ImageBuilder::ImageBuilder(const Provenance& provenance, RecordLayout layout)
    : file_(hdf5::create_in_memory()),
      layout_(std::move(layout)),
      row_type_(layout_.type()),
      trials_(hdf5::create_table(file_, "trials", row_type_,
                                 rows_per_chunk(layout_))),
      curves_(hdf5::create_group(file_, "curves")),
      losses_(hdf5::create_table(curves_, "loss", hdf5::copy_of(H5T_IEEE_F32LE),
                                 kLossesPerChunk)),
      steps_(hdf5::create_table(curves_, "step", hdf5::copy_of(H5T_STD_I32LE),
                                kLossesPerChunk)) {
  hdf5::write_attribute(file_, "format_version", kFormatVersion);
  hdf5::write_attribute(file_, "schema_version", kSchemaVersion);
  for (const auto& [name, text] : provenance.attributes) {
    hdf5::write_attribute(file_, name, text);
  }
  hdf5::write_text(file_, "config", provenance.config_yaml);
  write_column_notes(file_);
}

void ImageBuilder::append_rows(std::span<const Row> rows) {
  std::string records;
  records.reserve(rows.size() * layout_.size());
  for (const Row& row : rows) append_record(layout_, row, records);
  hdf5::append(trials_, row_type_, rows.size(), records.data());
}

void ImageBuilder::append_curve(const Curve& curve) {
  hdf5::append(losses_, H5T_NATIVE_FLOAT, curve.losses.size(),
               curve.losses.data());
  hdf5::append(steps_, H5T_NATIVE_INT32, curve.steps.size(),
               curve.steps.data());
}

std::string ImageBuilder::finish() {
  trials_.close();
  losses_.close();
  steps_.close();
  curves_.close();
  std::string image = hdf5::file_image(file_);
  file_.close();
  append_checksum(image);
  return image;
}

}  // namespace cape::shard
