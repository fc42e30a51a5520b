#include "shard/schema.h"

#include <set>
#include <sstream>

#include "sample.h"

namespace cape::shard {
namespace {

TEST(Text, KeepsUtf8OfAnyLength) {
  EXPECT_EQ(Text().view(), "");
  EXPECT_EQ(Text("ää").view(), "ää");
  const std::string longest(100'000, 'x');
  EXPECT_EQ(Text(longest).str(), longest);
  Text text("abcd");
  text = "e";
  EXPECT_EQ(text, Text("e"));
  EXPECT_NE(text, Text("abcd"));
}

TEST(Text, RefusesWhatIsNotUtf8) {
  EXPECT_THROW(Text(std::string("a\0b", 3)), Error);
  for (const char* broken : {"\xC3", "\xC3(", "\x80", "\xFF", "\xE2\x82"}) {
    EXPECT_THROW(Text{broken}, Error);
  }
}

TEST(Key, HasAtMost32Bytes) {
  const std::string digits = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(Key(digits).view(), digits);
  Key key(digits);
  key = "e";
  EXPECT_EQ(key, Key("e")) << "old bytes stay";
  EXPECT_THROW(Key(digits + "0"), Error);
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

/// `row` with another value in one column.
Row with_change(const Row& row, const Column& column) {
  Row changed = row;
  char* bytes = reinterpret_cast<char*>(&changed) + column.offset;
  if (column.type == ColumnType::text) {
    reinterpret_cast<Text*>(bytes)->assign(std::string(text_at(row, column)) +
                                           "'");
  } else {
    *bytes = *bytes == 1 ? 0 : 1;
  }
  return changed;
}

TEST(Columns, CompareContentLeavesVolatileColumnsOut) {
  const Row row = sample_row(1);
  for (const Column& column : columns()) {
    // Another version of the probe alone is no other content.
    if (column.name == "probe_version") continue;
    const Row changed = with_change(row, column);
    const int order = compare_content(row, changed);
    EXPECT_EQ(order == 0, column.is_volatile()) << column.name;
    EXPECT_EQ(order<0, compare_content(changed, row)> 0) << column.name;
  }
}

TEST(Columns, CompareContentOfDifferentProbesLeavesTheProbeOut) {
  const Row row = sample_row(1);
  for (const Column& column : columns()) {
    if (column.name == "probe_version") continue;
    Row changed = with_change(row, column);
    changed.probe_version = row.probe_version + 1;
    EXPECT_EQ(compare_content(row, changed) == 0,
              column.stability != Stability::content)
        << column.name;
  }
}

std::string type_text(const Column& column) {
  switch (column.type) {
    case ColumnType::key:
      return "utf8[32]";
    case ColumnType::text:
      return "utf8[*]";
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
        "| {} | {} |{}| {} | {} | {} |", column.name, type_text(column),
        column.unit.empty() ? " " : fmt::format(" {} ", column.unit),
        column.is_volatile() ? "yes" : "no", column.since, column.description));
  }
  EXPECT_EQ(documented, expected);
}

}  // namespace
}  // namespace cape::shard
