#include "shard/published_csv.h"

#include <algorithm>
#include <set>

#include "sample.h"
#include "shard/merge.h"

namespace cape::shard {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const std::filesystem::path kPublished = CAPE_FIXTURES "/published_csv";

TEST(PublishedCsv, CountsUpdatesWhereTheFileCountsEvaluations) {
  const auto rows = read_published_csv(kPublished / "meta_dataset_mlp.csv");
  ASSERT_EQ(rows.size(), 10);
  const Row& row = rows.front();
  EXPECT_EQ(row.family.view(), "mlp");
  EXPECT_EQ(row.architecture.view(), "");
  EXPECT_EQ(row.dataset.view(), "mnist");
  EXPECT_EQ(row.task.view(), "classification");
  EXPECT_EQ(row.target.view(), "batch_steps");
  EXPECT_EQ(row.learning_rate, 0.0005);
  EXPECT_EQ(row.batch_size, 32);
  EXPECT_EQ(row.epsilon, 0.1);
  EXPECT_EQ(row.log_p, 13.417647481056212);
  EXPECT_EQ(row.log_b, 3.4657359027997265);
  EXPECT_EQ(row.log_g2, 6.5626379509639206);
  EXPECT_EQ(row.log_tau, 6.5910893055805735);
  EXPECT_EQ(row.log_lr, -7.600902459542082);
  EXPECT_EQ(row.log_n, 11.002099841204238);
  EXPECT_EQ(row.samples_available, 60000);
  EXPECT_EQ(row.classes, 10);
  EXPECT_EQ(row.input_size, 784);
  EXPECT_EQ(row.t_star, 4) << "T_star is 5";
  EXPECT_EQ(row.steps_run, 4);
  EXPECT_TRUE(row.converged);
  EXPECT_EQ(row.stop_reason.view(), "converged");
  EXPECT_NEAR(std::log(row.initial_loss), 0.9920215007535166, 1e-14);
  EXPECT_NEAR(std::log(row.final_loss), -1.4238614930043305, 1e-14);
}

TEST(PublishedCsv, TellsFamiliesAndArchitecturesByColumns) {
  const auto rnn = read_published_csv(kPublished / "meta_dataset_rnn.csv");
  EXPECT_EQ(rnn.front().family.view(), "rnn");
  const auto cnn = read_published_csv(kPublished / "meta_dataset_cnn.csv");
  EXPECT_EQ(cnn.front().family.view(), "cnn");
  EXPECT_EQ(cnn.front().architecture.view(), "resnet_mini");
  EXPECT_THAT(cnn.front().architecture_json.str(), HasSubstr("[1, 1, 1]"));
  const auto transformer =
      read_published_csv(kPublished / "meta_dataset_transformer.csv");
  std::set<std::string> names;
  for (const Row& row : transformer) names.insert(row.architecture.str());
  EXPECT_THAT(names, testing::ElementsAre("cct_small", "pit_xs", "vit_tiny"));
  EXPECT_EQ(transformer.back().dataset.view(), "fashion_mnist");
}

class PublishedCsvTest : public ShardTest {
 protected:
  const std::string header =
      "dataset,learning_rate,batch_size,epsilon,logP,logB,logG2,logTau,logLR,"
      "logN,T_star,converged,censored_reason,logInitLoss,logFinalLoss\n";
  const std::string good =
      "MNIST,0.0005,32,0.1,13.4,3.46,6.5,6.6,-7.6,11,5,True,,0.9,-1.4\n";
  const std::filesystem::path path = folder / "my_mlp.csv";

  std::vector<Row> rows_from(const std::string& text) {
    write_bytes(path, text);
    return read_published_csv(path);
  }
  std::string error_from(const std::string& text) {
    return user_error_of([&] { rows_from(text); });
  }
};

TEST_F(PublishedCsvTest, EachRowIsATrajectoryAndATrialOfItsOwn) {
  const auto rows = rows_from(header + good + good);
  ASSERT_EQ(rows.size(), 2);
  EXPECT_NE(rows[0].key, rows[1].key);
  EXPECT_NE(rows[0].trajectory, rows[1].trajectory);
  EXPECT_EQ(rows[0].trial, 0);
  EXPECT_EQ(rows[1].trial, 1);
  std::filesystem::copy(path, folder / "copy_mlp.csv");
  EXPECT_EQ(MergedTable({path, folder / "copy_mlp.csv"}).size(), 2)
      << "a copy of the file has the same keys";
}

TEST_F(PublishedCsvTest, ACensoredRowHoldsTheCap) {
  const auto rows = rows_from(
      header +
      "CIFAR10,0.0005,32,0.1,1,1,1,1,1,1,301,False,plateau,0.9,-0.1\n"
      "CIFAR10,0.0005,32,0.1,1,1,1,1,1,1,5000,False,max_steps,0.9,-0.1\n");
  EXPECT_FALSE(rows[0].converged);
  EXPECT_EQ(rows[0].t_star, 5000);
  EXPECT_EQ(rows[0].steps_run, 300);
  EXPECT_EQ(rows[0].stop_reason.view(), "plateau");
  EXPECT_EQ(rows[1].stop_reason.view(), "max_steps");
}

TEST_F(PublishedCsvTest, NamesFileLineAndColumnOfWhatIsWrong) {
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    line.replace(line.find(from), from.size(), to);
    return error_from(header + good + line);
  };
  const std::string line_3 = path.string() + ":3: ";
  EXPECT_THAT(with(",5,", ",five,"),
              AllOf(HasSubstr(line_3), HasSubstr("T_star is 'five'")));
  EXPECT_THAT(with(",5,", ",1,"), HasSubstr("not at least 2"));
  EXPECT_THAT(with(",13.4,", ",nan,"), HasSubstr("logP is 'nan'"));
  EXPECT_THAT(with("True", "yes"), HasSubstr("converged is 'yes'"));
  EXPECT_THAT(with(",13.4", ""), HasSubstr("14 fields (the header has 15)"));
  EXPECT_THAT(with("MNIST", "\"MNIST"), HasSubstr("does not end"));
  EXPECT_THAT(with("MNIST", "\xff"),
              AllOf(HasSubstr(line_3), HasSubstr("not UTF-8")));
  EXPECT_THAT(with(",11,", ",1000,"), HasSubstr("logN is '1000', not at most"));
  EXPECT_THAT(error_from("architecture," + header + "\xff," + good),
              AllOf(HasSubstr(":2: "), HasSubstr("not UTF-8")));
  EXPECT_THAT(error_from(""), HasSubstr("empty file"));
  EXPECT_THAT(error_from("a,b\n1,2\n"),
              HasSubstr("no column 'dataset' (found a, b)"));
}

TEST_F(PublishedCsvTest, RefusesAColumnThatItDoesNotKnow) {
  EXPECT_THAT(error_from("log_width," + header + "1," + good),
              AllOf(HasSubstr(path.string() + ":1: "),
                    HasSubstr("unknown column 'log_width'; remove it")));
  // Not even one of the same name in other letters.
  EXPECT_THAT(error_from("Architecture," + header + "mlp," + good),
              HasSubstr("unknown column 'Architecture'"));
}

TEST_F(PublishedCsvTest, TakesOtherSeparatorsAndTheIndexOfPandas) {
  const std::vector<Row> usual = rows_from(header + good);
  const auto replaced = [](std::string text, char separator) {
    std::ranges::replace(text, ',', separator);
    return text;
  };
  for (const std::string& text :
       {replaced(header + good, ';'), replaced(header + good, '\t'),
        "," + header + "0," + good, "Unnamed: 0," + header + "0," + good}) {
    const std::vector<Row> rows = rows_from(text);
    ASSERT_EQ(rows.size(), 1) << text;
    EXPECT_EQ(rows[0].log_g2, usual[0].log_g2);
    EXPECT_EQ(rows[0].dataset.view(), "mnist");
  }
}

TEST_F(PublishedCsvTest, TakesDecimalCommasBetweenSemicolons) {
  std::string columns = header;
  std::ranges::replace(columns, ',', ';');
  const std::string line = "MNIST;0,0005;32;0,1;13;3;6;6;7;11;5;True;;1;1\n";
  const std::vector<Row> rows = rows_from(columns + line);
  ASSERT_EQ(rows.size(), 1);
  EXPECT_EQ(rows[0].learning_rate, 0.0005);
  EXPECT_EQ(rows[0].epsilon, 0.1);
  std::string tabs = columns + line;
  std::ranges::replace(tabs, ';', '\t');
  EXPECT_THAT(error_from(tabs),
              HasSubstr("learning_rate is '0,0005', not a number without "
                        "commas; decimal points are points"));
  std::string thousands = line;
  thousands.replace(thousands.find(";5;"), 3, ";1,500;");
  EXPECT_THAT(error_from(columns + thousands),
              HasSubstr("T_star is '1,500', not a number without commas"));
}

TEST_F(PublishedCsvTest, RefusesCommasBesideDecimalPoints) {
  std::string columns = header;
  std::ranges::replace(columns, ',', ';');
  const std::string points = "MNIST;0.0005;32;0.1;13;3;6;6;7;11;5;True;;1;1\n";
  ASSERT_EQ(rows_from(columns + points).size(), 1);
  std::string thousands = points;
  thousands.replace(thousands.find(";13;"), 4, ";1,500;");
  EXPECT_THAT(error_from(columns + points + thousands),
              AllOf(HasSubstr(path.string() + ":3: logP is '1,500', but "),
                    HasSubstr(" is '0.0005' on line 2; write all numbers")));
  // In a row without points of its own, before those with points.
  std::string first = "MNIST;1;32;1;1,500;3;6;6;7;11;5;True;;1;1\n";
  EXPECT_THAT(error_from(columns + first + points),
              AllOf(HasSubstr(path.string() + ":3: "),
                    HasSubstr(" is '0.0005', but logP is '1,500' on line 2")));
}

TEST_F(PublishedCsvTest, AsksForTheFamilyWhenNothingTellsIt) {
  const std::filesystem::path unknown = folder / "rows.csv";
  write_bytes(unknown, header + good);
  EXPECT_THAT(user_error_of([&] { read_published_csv(unknown); }),
              HasSubstr("'mlp' or 'rnn' in the file name"));
  EXPECT_EQ(read_published_csv(unknown, "mlp").front().family.view(), "mlp");
}

}  // namespace
}  // namespace cape::shard
