#include "predictor/report/paper_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "core/files.h"

namespace cape::predictor::paper {
namespace {

using testing::HasSubstr;

/// What stands in a row, by what names the row.
using Figures = std::map<std::string, std::vector<double>>;

/// The paper's tables as text: paper_tables.md in the folder that
/// CAPE_REFERENCE_DIR names. Its first table is in Markdown, the others are
/// lines of figures.
class PaperFigures : public testing::Test {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("CAPE_REFERENCE_DIR");
    const auto path =
        std::filesystem::path(folder == nullptr ? "" : folder) / kFile;
    if (folder == nullptr || !std::filesystem::exists(path)) {
      GTEST_SKIP() << "CAPE_REFERENCE_DIR names no folder with " << kFile;
    }
    const std::string text = read_file(path);
    const std::size_t end = text.find("\n## ");
    ASSERT_NE(end, text.npos);
    text_ = text.substr(0, end);
  }

  /// From where the text of a table begins to where that of the next one does.
  std::string table(int number) const {
    const auto start = [&](int of) {
      return text_.find("\nTable " + std::to_string(of));
    };
    EXPECT_NE(start(number), text_.npos) << "Table " << number;
    return text_.substr(start(number), start(number + 1) - start(number));
  }

  static constexpr const char* kFile = "paper_tables.md";
  std::string text_;
};

/// All matches of `pattern`: the parts that name a row, and those that are
/// figures, of which there are `count` behind the names.
Figures find_all(const std::string& text, const std::string& pattern,
                 std::size_t count) {
  const std::regex regex(pattern);
  Figures found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end;
       match != end; ++match) {
    const std::size_t first = match->size() - count;
    std::string name;
    for (std::size_t i = 1; i < first; ++i) {
      name += (i > 1 ? " " : "") + match->str(i);
    }
    std::vector<double>& figures = found[name];
    EXPECT_TRUE(figures.empty()) << name << " is there twice";
    for (std::size_t i = first; i < match->size(); ++i) {
      figures.push_back(std::stod(match->str(i)));
    }
  }
  return found;
}

const std::string kNumber = R"((-?\d+\.\d+))";
const std::string kFourNumbers =
    kNumber + " " + kNumber + " " + kNumber + " " + kNumber;

TEST_F(PaperFigures, OfTable1AreThoseOfThePaper) {
  const std::map<std::string_view, std::string> families = {
      {"mlp", "MLP"},
      {"rnn", "RNN"},
      {"cnn", "CNN"},
      {"transformer", "Transformer"}};
  Figures ours;
  for (const Table1Row& row : kTable1) {
    ours[families.at(row.family) + " " + std::string(row.method)] = {
        row.mae, row.rmse, row.median_ae, row.r2, row.avg_accuracy};
  }
  const std::string text = table(1);
  EXPECT_THAT(text, HasSubstr("| MAE | RMSE | MedianAE | R2 | AvgAccuracy |"));
  const std::string cell = R"( \| )" + kNumber;
  EXPECT_EQ(
      ours,
      find_all(text, R"(\| (\w+) \| (\w+))" + cell + cell + cell + cell + cell,
               5));
}

TEST_F(PaperFigures, OfTable2AreThoseOfThePaper) {
  const std::map<std::string_view, std::string> names = {
      {"", "all"},           {"log_b", "log B"},         {"log_g2", "log G2"},
      {"log_lr", "log LR"},  {"log_n, log_lr", "log N"}, {"log_p", "log P"},
      {"log_tau", "log tau"}};
  Figures ours;
  for (const Table2Row& row : kTable2) {
    ours[names.at(row.without)] = {row.mae.begin(), row.mae.end()};
  }
  const std::string text = table(2);
  EXPECT_THAT(text, HasSubstr("CIFAR10, CIFAR100, FashionMNIST, MNIST"));
  EXPECT_THAT(kTable2Datasets, testing::ElementsAre("cifar10", "cifar100",
                                                    "fashion_mnist", "mnist"));
  EXPECT_EQ(ours, find_all(text, R"((all|log \w+) )" + kFourNumbers, 4));
}

TEST_F(PaperFigures, OfTable3AreThoseOfThePaper) {
  const std::string text = table(3);
  const std::size_t second = text.find("SVHN ");
  ASSERT_NE(second, text.npos);
  EXPECT_THAT(text, HasSubstr("mean MAE / AvgAccuracy"));
  EXPECT_THAT(text.substr(0, second), HasSubstr("IMDB "));
  const std::map<std::string_view, std::string> parts = {
      {"imdb", text.substr(0, second)}, {"svhn", text.substr(second)}};
  for (const auto& [dataset, part] : parts) {
    Figures ours;
    for (const Table3Row& row : kTable3) {
      if (row.dataset != dataset) continue;
      ours[std::string(row.method)] = {row.mae, row.avg_accuracy};
    }
    EXPECT_EQ(ours, find_all(part, R"((\w+) )" + kNumber + "/" + kNumber, 2))
        << dataset;
  }
}

TEST_F(PaperFigures, OfTable4AreThoseOfThePaper) {
  const std::map<std::string_view, std::string> names = {
      {"xgboost_500", "XGBoost"},
      {"random_forest", "forest"},
      {"mlp_regressor", "MLPRegressor"},
      {"svr", "SVR"},
      {"ridge", "ridge"},
      {"linear", "linear"}};
  Figures ours;
  for (const Table4Row& row : kTable4) {
    ours[names.at(row.regressor)] = {row.mae.begin(), row.mae.end()};
  }
  const std::string text = table(4);
  EXPECT_THAT(text, HasSubstr("(MLP, CNN, RNN, Transformer)"));
  EXPECT_THAT(kFamilies,
              testing::ElementsAre("mlp", "cnn", "rnn", "transformer"));
  EXPECT_EQ(ours, find_all(text, R"((\w+) )" + kFourNumbers, 4));
}

}  // namespace
}  // namespace cape::predictor::paper
