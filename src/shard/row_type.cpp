#include "shard/row_type.h"

namespace cape::shard {
hdf5::Handle column_type(const Column& column) {
  switch (column.type) {
    case ColumnType::string:
      return hdf5::string_type(column.size);
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

hdf5::Handle row_type() {
  std::vector<hdf5::Member> members;
  for (const Column& column : columns()) {
    members.push_back(
        {std::string(column.name), column.offset, column_type(column)});
  }
  return hdf5::compound_type(sizeof(Row), members);
}

}  // namespace cape::shard
