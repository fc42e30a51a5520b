#include "datasets/cifar_binary.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// Records of the given labels; byte i of the pixels of label l is l + i.
std::string records(const std::vector<int>& labels) {
  std::string bytes;
  for (const int label : labels) {
    bytes += static_cast<char>(label);
    for (int i = 0; i < 3072; ++i) bytes += static_cast<char>(label + i);
  }
  return bytes;
}

class CifarTest : public testing::Test {
 protected:
  void write_batch(int number, const std::string& bytes) {
    write_file(batch(number), bytes);
  }
  std::filesystem::path batch(int number) const {
    return folder_.path() / "cifar-10-batches-bin" /
           fmt::format("data_batch_{}.bin", number);
  }
  Dataset read() const { return load("cifar10", {folder_.path()}); }
  std::string error_of(const std::string& bytes) {
    write_batch(1, bytes);
    return user_error([&] { read(); });
  }

  TemporaryFolder folder_;
};

TEST_F(CifarTest, ReadsAnyBatchesInTheirOrder) {
  write_batch(4, records({7}));
  write_batch(2, records({3, 9}));
  const Dataset dataset = read();
  EXPECT_THAT(labels_of(dataset), ElementsAre(3, 9, 7));
  EXPECT_THAT(dataset.info.shape, ElementsAre(3, 32, 32));
  EXPECT_EQ(dataset.info.samples, 3);
  EXPECT_EQ(dataset.info.train_size, 50000);
  const std::vector<std::uint8_t> pixels = pixels_of(dataset);
  ASSERT_EQ(pixels.size(), 3U * 3072U);
  EXPECT_EQ(pixels[3072], 9);
  EXPECT_EQ(pixels[2 * 3072 + 255], static_cast<std::uint8_t>(262));
}

TEST_F(CifarTest, ListsTheBatchesThatWouldDo) {
  std::filesystem::create_directories(batch(1).parent_path());
  EXPECT_THAT(user_error([&] { read(); }),
              AllOf(HasSubstr("lacks data_batch_1.bin[.gz] or data_batch_2"),
                    HasSubstr("cifar-10-batches-bin or cifar10")));
}

TEST_F(CifarTest, RefusesWhatIsNotWholeRecords) {
  const std::string whole = records({1, 2});
  for (const std::size_t size : {0, 1, 3072, 3074, 6145}) {
    EXPECT_THAT(error_of(whole.substr(0, size)),
                AllOf(HasSubstr(batch(1).string()),
                      HasSubstr(fmt::format("{} bytes are not", size))));
  }
}

TEST_F(CifarTest, RefusesALabelThatTheDataSetDoesNotHave) {
  EXPECT_THAT(error_of(records({1, 10})),
              AllOf(HasSubstr(batch(1).string()), HasSubstr("label 10"),
                    HasSubstr("sample 1"), HasSubstr("0 to 9")));
}

TEST_F(CifarTest, RefusesMoreThanABatch) {
  EXPECT_THAT(error_of(std::string(10001 * 3073, '\0')),
              HasSubstr("holds more than the 30730000 bytes"));
}

}  // namespace
}  // namespace cape::datasets
