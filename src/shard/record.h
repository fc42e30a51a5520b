/// How rows are stored in /trials: one record a row, without gaps, texts in as
/// many bytes as the longest of the shard needs. Private to this folder.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hdf5/hdf5.h"
#include "shard/schema.h"

namespace cape::shard {

/// How a column is stored, texts in `size` bytes padded with NUL.
hdf5::Handle stored_type(ColumnType type, std::size_t size);

/// A column in a record.
struct Field {
  const Column* column;
  std::size_t offset;  ///< in the record
  std::size_t size;    ///< bytes; of a text what is longer does not fit
  /// Of a text; HDF5 does not convert one to the other, and h5py writes ASCII.
  H5T_cset_t charset = H5T_CSET_UTF8;
};

class RecordLayout {
 public:
  /// The records that `type`, a compound type of a file, has of the columns
  /// that this program knows. Throws UserError naming the column for one of
  /// another type. `where` begins messages.
  static RecordLayout stored_as(const hdf5::Handle& type,
                                const std::string& where);

  const std::vector<Field>& fields() const { return fields_; }
  std::size_t size() const { return size_; }

  /// The compound type of a record, as it is stored and as it lies in memory.
  hdf5::Handle type() const;

 private:
  friend class TextWidths;
  Field& add(const Column& column, std::size_t size);

  std::vector<Field> fields_;
  std::size_t size_ = 0;
};

/// Finds out how many bytes the texts of some rows need.
class TextWidths {
 public:
  void add(const Row& row);

  /// A record of all columns, into which the rows added fit.
  RecordLayout layout() const;

 private:
  std::vector<std::size_t> widths_;  ///< by column; grows with the first row
};

/// Appends the record of a row to `bytes`.
void append_record(const RecordLayout& layout, const Row& row,
                   std::string& bytes);

/// Takes rows out of records. Throws hdf5::Hdf5Error for a text that is none.
class RecordUnpacker {
 public:
  explicit RecordUnpacker(RecordLayout layout);

  const RecordLayout& layout() const { return layout_; }
  Row unpack(const char* record);

 private:
  RecordLayout layout_;
  /// The last text of each field, as bytes and as text: the next row mostly has
  /// the same one.
  std::vector<std::string> last_bytes_;
  std::vector<Text> last_texts_;
};

}  // namespace cape::shard
