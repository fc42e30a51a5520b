#include "shard/csv.h"

#include <map>

#include "sample.h"
#include "shard/csv_reader.h"

namespace cape::shard {
namespace {

using testing::ElementsAre;

std::vector<std::vector<std::string>> records_of(std::string_view text) {
  std::vector<std::vector<std::string>> records;
  CsvReader reader(text);
  std::vector<std::string> fields;
  while (reader.next(fields)) records.push_back(fields);
  return records;
}

TEST(CsvReader, CutsQuotedFieldsAndAllLineEndings) {
  EXPECT_THAT(records_of("a,b\r\n\"1, \"\"2\"\"\",\n\n,\"x\ny\""),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1, \"2\"", ""),
                          ElementsAre("", "x\ny")));
  EXPECT_THAT(records_of("\xEF\xBB\xBFhead\n"),
              ElementsAre(ElementsAre("head")));
  EXPECT_THROW(records_of("a\n\"open"), Error);
}

TEST(CsvReader, TheFirstLineTellsTheSeparator) {
  EXPECT_THAT(records_of("a;b\n1;\"2;3\"\n"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2;3")));
  EXPECT_THAT(records_of("a\tb\r\n1\t2,5"),
              ElementsAre(ElementsAre("a", "b"), ElementsAre("1", "2,5")));
  EXPECT_THAT(records_of("a;b,c\n1;2,3"),
              ElementsAre(ElementsAre("a;b", "c"), ElementsAre("1;2", "3")));
}

TEST(CsvReader, CountsLinesThroughQuotedOnes) {
  CsvReader reader("a\n\"x\r\ny\"\n\nlast");
  std::vector<std::string> fields;
  std::vector<std::size_t> lines;
  while (reader.next(fields)) lines.push_back(reader.line());
  EXPECT_THAT(lines, ElementsAre(1, 2, 5));
}

class CsvExport : public ShardTest {};

TEST_F(CsvExport, HoldsTheNonVolatileColumnsSoThatTheyReadBackTheSame) {
  Row row = sample_row(3);
  row.log_p = 0.1 + 0.2;
  row.log_tau = NAN;
  write_shard(folder / "a.h5", {row});
  export_csv(MergedTable({folder}), folder / "a.csv");
  const auto records = records_of(read_file(folder / "a.csv"));
  ASSERT_EQ(records.size(), 2);

  std::vector<std::string> names;
  for (const Column& column : columns()) {
    if (!column.is_volatile()) names.emplace_back(column.name);
  }
  EXPECT_EQ(records[0], names);
  ASSERT_EQ(records[1].size(), names.size());
  std::map<std::string, std::string> text;
  for (std::size_t i = 0; i < names.size(); ++i) text[names[i]] = records[1][i];
  EXPECT_EQ(std::stod(text["log_p"]), 0.1 + 0.2);
  EXPECT_EQ(text["log_tau"], "");
  EXPECT_EQ(std::stoull(text["seed"]), row.seed);
  EXPECT_EQ(text["converged"], "False");
  EXPECT_EQ(text["architecture_json"], row.architecture_json.view());
}

TEST_F(CsvExport, IsReadBackAsTheSameRows) {
  Row odd = sample_row(4);
  odd.log_tau = NAN;
  odd.dataset = "größe; \"x\", y";
  write_shard(folder / "a.h5", {sample_row(3), odd});
  const MergedTable written({folder});
  export_csv(written, folder / "a.csv");
  const MergedTable back({folder / "a.csv"});
  ASSERT_EQ(back.size(), written.size());
  for (std::size_t i = 0; i < back.size(); ++i) {
    EXPECT_EQ(back.row(i).key, written.row(i).key);
    EXPECT_EQ(compare_content(back.row(i), written.row(i)), 0);
  }
  export_csv(back, folder / "b.csv");
  EXPECT_EQ(read_file(folder / "b.csv"), read_file(folder / "a.csv"));
  // The rows of a shard and of its export are the same rows.
  EXPECT_EQ(MergedTable({folder / "a.h5", folder / "a.csv"}).size(), 2);
}

TEST_F(CsvExport, OfAnOlderProgramIsReadWithTheColumnsThatAreRetiredNow) {
  write_shard(folder / "a.h5", {sample_row(1)});
  export_csv(MergedTable({folder / "a.h5"}), folder / "a.csv");
  std::string text = read_file(folder / "a.csv");
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("log_line")));
  text.insert(text.find('\n'), ",log_line_2");
  text.insert(text.rfind('\n'), ",-0.25");
  write_bytes(folder / "a.csv", text);
  const std::vector<Row> rows = read_csv(folder / "a.csv");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.front().log_line_2, -0.25);
}

TEST_F(CsvExport, NamesALineThatCannotBeReadBack) {
  write_shard(folder / "a.h5", {sample_row(3)});
  export_csv(MergedTable({folder}), folder / "a.csv");
  std::string text = read_file(folder / "a.csv");
  const std::size_t at = text.find(",False", text.find('\n'));
  ASSERT_NE(at, text.npos);
  write_bytes(folder / "a.csv", text.replace(at, 6, ",0"));
  EXPECT_THAT(user_error_of([&] { read_csv(folder / "a.csv"); }),
              testing::AllOf(testing::HasSubstr("a.csv:2: "),
                             testing::HasSubstr("is '0', not True or False")));
}

TEST_F(CsvExport, AFileThatCannotBeWrittenIsAnError) {
  write_shard(folder / "a.h5", {sample_row(0)});
  EXPECT_THROW(
      export_csv(MergedTable({folder}), folder / "no folder" / "a.csv"),
      StoppedError);
}

}  // namespace
}  // namespace cape::shard
