#include "core/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"

namespace cape {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

/// A fresh folder that goes with the test.
class FilesTest : public testing::Test {
 protected:
  FilesTest() {
    std::string pattern = (fs::temp_directory_path() / "files.XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~FilesTest() override { fs::remove_all(folder_); }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      all.push_back(entry.path().filename());
    }
    return all;
  }

  fs::path folder_;
};

/// No file may grow past `bytes` while this lives: what a full disk is like.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

template <class E>
std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

TEST_F(FilesTest, WhatIsPublishedIsRead) {
  const std::string bytes("\0a\xff\r\n", 5);
  publish_file(folder_ / "a", bytes);
  EXPECT_EQ(read_file(folder_ / "a"), bytes);
  publish_file(folder_ / "a", "");
  EXPECT_EQ(read_file(folder_ / "a"), "");
}

TEST_F(FilesTest, ReadsMoreThanOneBuffer) {
  const std::string bytes(3 << 20, 'x');
  publish_file(folder_ / "a", bytes);
  EXPECT_EQ(read_file(folder_ / "a"), bytes);
}

TEST_F(FilesTest, PublishingReplacesAndLeavesNothingElse) {
  publish_file(folder_ / "a", "long first content");
  publish_file(folder_ / "a", "second");
  EXPECT_EQ(read_file(folder_ / "a"), "second");
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(FilesTest, AReaderKeepsTheFileItHasOpened) {
  publish_file(folder_ / "a", "first");
  fs::create_hard_link(folder_ / "a", folder_ / "open");
  publish_file(folder_ / "a", "second");
  EXPECT_EQ(read_file(folder_ / "open"), "first");
}

TEST_F(FilesTest, PublishesToTheCurrentDirectory) {
  const fs::path before = fs::current_path();
  fs::current_path(folder_);
  publish_file("a", "here");
  fs::current_path(before);
  EXPECT_EQ(read_file(folder_ / "a"), "here");
}

TEST_F(FilesTest, AFullDiskStopsAndLeavesTheOldFile) {
  publish_file(folder_ / "a", "first");
  const std::string message = message_of<StoppedError>([&] {
    const FileSizeLimit limit(1000);
    publish_file(folder_ / "a", std::string(2000, 'x'));
  });
  EXPECT_THAT(message, AllOf(HasSubstr("cannot write"),
                             HasSubstr((folder_ / "a").string()),
                             HasSubstr("File too large")));
  EXPECT_EQ(read_file(folder_ / "a"), "first");
  EXPECT_THAT(names(), ElementsAre("a"));
}

TEST_F(FilesTest, APlaceThatCannotBeWrittenStops) {
  EXPECT_THAT(message_of<StoppedError>(
                  [&] { publish_file(folder_ / "none" / "a", "x"); }),
              AllOf(HasSubstr("cannot create"),
                    HasSubstr("No such file or directory")));
  fs::create_directory(folder_ / "taken");
  EXPECT_THAT(
      message_of<StoppedError>([&] { publish_file(folder_ / "taken", "x"); }),
      AllOf(HasSubstr("cannot rename"), HasSubstr("Is a directory")));
  EXPECT_THAT(names(), ElementsAre("taken"));
}

TEST_F(FilesTest, WhatCannotBeReadIsTheUsersToMend) {
  EXPECT_THAT(message_of<UserError>([&] { read_file(folder_ / "none"); }),
              AllOf(HasSubstr("none"), HasSubstr("No such file or directory")));
  EXPECT_THAT(message_of<UserError>([&] { read_file(folder_); }),
              HasSubstr("Is a directory"));
}

TEST(ExecutableDirectory, HoldsThisTest) {
  EXPECT_TRUE(fs::equivalent(executable_directory(), CAPE_BINARY_DIR));
}

}  // namespace
}  // namespace cape
