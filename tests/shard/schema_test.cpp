#include "shard/schema.h"

#include <set>
#include <sstream>

#include "sample.h"

namespace cape::shard {
namespace {

TEST(FixedString, KeepsUtf8TextUpToItsFullWidth) {
  EXPECT_EQ(FixedString<4>("").view(), "");
  EXPECT_EQ(FixedString<4>("abcd").view(), "abcd");
  EXPECT_EQ(FixedString<4>("ää").view(), "ää");
  FixedString<4> text("abcd");
  text = "e";
  EXPECT_EQ(text, FixedString<4>("e")) << "old bytes stay";
}

TEST(FixedString, RefusesWhatItCannotKeepWhole) {
  EXPECT_THROW(FixedString<4>("abcde"), Error);
  EXPECT_THROW(FixedString<4>("äää"), Error);
  EXPECT_THROW(FixedString<4>(std::string("a\0b", 3)), Error);
  for (const char* broken : {"\xC3", "\xC3(", "\x80", "\xFF", "\xE2\x82"}) {
    EXPECT_THROW(FixedString<8>{broken}, Error);
  }
}

TEST(Columns, CoverTheRowInOrderWithUniqueNames) {
  std::set<std::string_view> names;
  std::size_t end = 0;
  for (const Column& column : columns()) {
    EXPECT_TRUE(names.insert(column.name).second) << column.name;
    EXPECT_GE(column.offset, end) << column.name;
    EXPECT_LT(column.offset, end + 8) << "a gap before " << column.name;
    end = column.offset + column.size;
  }
  EXPECT_EQ(end, sizeof(Row));
}

TEST(Columns, CompareContentLeavesVolatileColumnsOut) {
  const Row row = sample_row(1);
  for (const Column& column : columns()) {
    Row changed = row;
    char* bytes = reinterpret_cast<char*>(&changed) + column.offset;
    *bytes = *bytes == 1 ? 0 : 1;
    const int order = compare_content(row, changed);
    EXPECT_EQ(order == 0, column.is_volatile) << column.name;
    EXPECT_EQ(order<0, compare_content(changed, row)> 0) << column.name;
  }
}

std::string type_text(const Column& column) {
  switch (column.type) {
    case ColumnType::string:
      return fmt::format("utf8[{}]", column.size);
    case ColumnType::float64:
      return "float64";
    case ColumnType::int32:
      return "int32";
    case ColumnType::int64:
      return "int64";
    case ColumnType::uint64:
      return "uint64";
    case ColumnType::boolean:
      return "bool";
  }
  return "";
}

TEST(Columns, AreTheTableOfTheDocument) {
  std::istringstream document(
      read_file(CAPE_FIXTURES "/../../docs/shard_format.md"));
  std::string line;
  while (std::getline(document, line) && !line.starts_with("| name | type")) {
  }
  std::getline(document, line);  // | --- | ...
  std::vector<std::string> documented;
  while (std::getline(document, line) && line.starts_with("|")) {
    documented.push_back(line);
  }
  std::vector<std::string> expected;
  for (const Column& column : columns()) {
    expected.push_back(fmt::format(
        "| {} | {} |{}| {} | {} |", column.name, type_text(column),
        column.unit.empty() ? " " : fmt::format(" {} ", column.unit),
        column.is_volatile ? "yes" : "no", column.description));
  }
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace cape::shard
