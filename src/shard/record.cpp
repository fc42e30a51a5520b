#include "shard/record.h"

#include <algorithm>
#include <cstring>

namespace cape::shard {

hdf5::Handle stored_type(ColumnType type, std::size_t size) {
  switch (type) {
    case ColumnType::key:
    case ColumnType::text:
      return hdf5::string_type(size);
    case ColumnType::float64:
      return hdf5::copy_of(H5T_IEEE_F64LE);
    case ColumnType::int32:
      return hdf5::copy_of(H5T_STD_I32LE);
    case ColumnType::int64:
      return hdf5::copy_of(H5T_STD_I64LE);
    case ColumnType::uint64:
      return hdf5::copy_of(H5T_STD_U64LE);
    case ColumnType::boolean:
      return hdf5::bool_type();
  }
  fail("a column has no type");
}

namespace {

bool is_string(ColumnType type) {
  return type == ColumnType::key || type == ColumnType::text;
}

/// Whether a file's column can be read as one of ours: strings of any width.
bool is_readable(const hdf5::Handle& found, const Column& column) {
  const H5T_class_t kind = H5Tget_class(found);
  if (is_string(column.type)) {
    return kind == H5T_STRING && H5Tis_variable_str(found) == 0;
  }
  const hdf5::Handle expected = stored_type(column.type, column.size);
  if (kind != H5Tget_class(expected)) return false;
  if (H5Tget_size(found) != H5Tget_size(expected)) return false;
  return kind != H5T_INTEGER || H5Tget_sign(found) == H5Tget_sign(expected);
}

std::string_view unpadded(const char* bytes, std::size_t size) {
  return {bytes, static_cast<std::size_t>(std::find(bytes, bytes + size, '\0') -
                                          bytes)};
}

}  // namespace

Field& RecordLayout::add(const Column& column, std::size_t size) {
  fields_.push_back({&column, size_, size});
  size_ += size;
  return fields_.back();
}

RecordLayout RecordLayout::stored_as(const hdf5::Handle& type,
                                     const std::string& where) {
  RecordLayout layout;
  for (const Column& column : columns()) {
    const int index =
        H5Tget_member_index(type, std::string(column.name).c_str());
    if (index < 0) continue;
    const hdf5::Handle found(
        H5Tget_member_type(type, static_cast<unsigned>(index)), H5Tclose,
        "get a type");
    if (!is_readable(found, column)) {
      fail_user(
          "{}: column '{}' of /trials has another type than in "
          "docs/shard_format.md; write it as it was read",
          where, column.name);
    }
    Field& field = layout.add(column, H5Tget_size(found));
    if (is_string(column.type)) field.charset = H5Tget_cset(found);
  }
  return layout;
}

hdf5::Handle RecordLayout::type() const {
  std::vector<hdf5::Member> members;
  for (const Field& field : fields_) {
    hdf5::Handle type = stored_type(field.column->type, field.size);
    if (is_string(field.column->type)) {
      hdf5::check(H5Tset_cset(type, field.charset), "choose a character set");
    }
    members.push_back(
        {std::string(field.column->name), field.offset, std::move(type)});
  }
  return hdf5::compound_type(size_, members);
}

void TextWidths::add(const Row& row) {
  widths_.resize(columns().size(), 1);  // HDF5 has no strings of 0 bytes
  for (std::size_t c = 0; c < widths_.size(); ++c) {
    const Column& column = columns()[c];
    if (column.type != ColumnType::text) continue;
    widths_[c] = std::max(widths_[c], text_at(row, column).size());
  }
}

RecordLayout TextWidths::layout() const {
  RecordLayout layout;
  for (std::size_t c = 0; c < columns().size(); ++c) {
    const Column& column = columns()[c];
    const bool is_text = column.type == ColumnType::text;
    layout.add(column, !is_text          ? column.size
                       : widths_.empty() ? 1
                                         : widths_[c]);
  }
  return layout;
}

void append_record(const RecordLayout& layout, const Row& row,
                   std::string& bytes) {
  const std::size_t begin = bytes.size();
  bytes.resize(begin + layout.size(), '\0');
  for (const Field& field : layout.fields()) {
    const std::string_view value =
        field.column->type == ColumnType::text
            ? text_at(row, *field.column)
            : std::string_view(bytes_at(row, *field.column).data(), field.size);
    value.copy(bytes.data() + begin + field.offset, field.size);
  }
}

RecordUnpacker::RecordUnpacker(RecordLayout layout)
    : layout_(std::move(layout)),
      last_bytes_(layout_.fields().size()),
      last_texts_(layout_.fields().size()) {}

Row RecordUnpacker::unpack(const char* record) {
  Row row;
  for (std::size_t f = 0; f < layout_.fields().size(); ++f) {
    const Field& field = layout_.fields()[f];
    const Column* const column = field.column;
    const std::size_t size = field.size;
    const char* const from = record + field.offset;
    char* const to = reinterpret_cast<char*>(&row) + column->offset;
    try {
      if (column->type == ColumnType::text) {
        std::string& last = last_bytes_[f];
        if (last.size() != size || std::memcmp(last.data(), from, size) != 0) {
          last_texts_[f].assign(unpadded(from, size));
          last.assign(from, size);
        }
        std::memcpy(to, &last_texts_[f], sizeof(Text));
      } else if (column->type == ColumnType::key) {
        reinterpret_cast<Key*>(to)->assign(unpadded(from, size));
      } else if (column->type == ColumnType::boolean) {
        // Any byte but 0 is true: another bool must not be read.
        *to = *from != 0 ? 1 : 0;
      } else {
        std::memcpy(to, from, size);
      }
    } catch (const Error& error) {
      throw hdf5::Hdf5Error(
          fmt::format("column '{}': {}", column->name, error.what()));
    }
  }
  return row;
}

}  // namespace cape::shard
