#include "datasets/locate.h"

#include <gmock/gmock.h>

#include <cstdlib>

#include "datasets/dataset.h"
#include "support.h"

namespace cape::datasets {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

namespace fs = std::filesystem;

class LocateTest : public testing::Test {
 protected:
  /// The folder found, relative to the root; empty when none is.
  std::string found(const std::string& name, const fs::path& root) {
    const std::vector<Tried> tried = locate(find_known(name), {root});
    if (!tried.back().missing.empty()) return {};
    return fs::relative(tried.back().place, folder_.path()).string();
  }

  TemporaryFolder folder_;
};

TEST_F(LocateTest, FindsEveryCustomaryFolder) {
  for (const std::string name : {"fashion_mnist", "mnist"}) {
    for (const std::string& folder : find_known(name).layouts[0].folders) {
      const TemporaryFolder root;
      write_mnist(root.path() / folder, 1);
      const std::vector<Tried> tried = locate(find_known(name), {root.path()});
      EXPECT_EQ(tried.back().missing, "");
      EXPECT_EQ(tried.back().place, root.path() / folder);
    }
  }
}

TEST_F(LocateTest, AcceptsTheDataSetsOwnFolderAsTheRoot) {
  write_mnist(folder_.path() / "MNIST/raw", 1);
  EXPECT_EQ(found("mnist", folder_.path() / "MNIST/raw"), "MNIST/raw");
  EXPECT_EQ(found("mnist", folder_.path() / "MNIST"), "MNIST/raw");
  write_mnist(folder_.path() / "fashion-mnist", 1);
  EXPECT_EQ(found("fashion_mnist", folder_.path() / "fashion-mnist/"),
            "fashion-mnist");
  EXPECT_EQ(found("fashion_mnist", folder_.path() / "x/../fashion-mnist"),
            "fashion-mnist");
}

TEST_F(LocateTest, TakesNoFilesOfAnotherDataSetWithTheSameNames) {
  write_mnist(folder_.path() / "mnist", 1);
  EXPECT_EQ(found("fashion_mnist", folder_.path()), "");
  EXPECT_EQ(found("fashion_mnist", folder_.path() / "mnist"), "");
  write_mnist(folder_.path() / "flat", 1);
  EXPECT_EQ(found("mnist", folder_.path() / "flat"), "");
}

TEST_F(LocateTest, PassesOverAFolderThatIsNotComplete) {
  write_mnist(folder_.path() / "MNIST/raw", 1);
  fs::remove(folder_.path() / "MNIST/raw/train-labels-idx1-ubyte");
  write_mnist(folder_.path() / "mnist", 1);
  EXPECT_EQ(found("mnist", folder_.path()), "mnist");
}

TEST_F(LocateTest, ListsEveryPathTriedAndWhatToDo) {
  const fs::path one = folder_.path() / "one";
  const fs::path two = folder_.path() / "two";
  write_mnist(two / "mnist", 1, true);
  fs::remove(two / "mnist/train-images-idx3-ubyte.gz");
  const std::string message = user_error([&] { load("mnist", {one, two}); });
  for (const fs::path& root : {one, two})
    for (const std::string folder : {"MNIST/raw", "mnist", "MNIST"})
      EXPECT_THAT(message, HasSubstr("\n  " + (root / folder).string() + ": "));
  EXPECT_THAT(message,
              AllOf(HasSubstr("mnist: lacks train-images-idx3-ubyte[.gz]\n"),
                    HasSubstr("--data-dir"), HasSubstr("$CAPE_DATA"),
                    Not(HasSubstr("lacks train-images-idx3-ubyte[.gz] and"))));
  EXPECT_THAT(user_error([&] { load("fashion_mnist", {one}); }),
              HasSubstr("apt install dataset-fashion-mnist"));
}

TEST_F(LocateTest, SuggestsTheNameThatWasMeant) {
  EXPECT_THAT(user_error([&] { load("fashion-mnist", {}); }),
              AllOf(HasSubstr("'fashion-mnist'"),
                    HasSubstr("did you mean 'fashion_mnist'?"),
                    HasSubstr("known are cifar10, cifar100, emnist_balanced"),
                    EndsWith("mnist, qmnist, svhn")));
}

TEST_F(LocateTest, PutsTheGivenFolderBeforeTheEnvironmentBeforeDebians) {
  ::setenv("CAPE_DATA", "/from/environment", 1);
  const std::string given = folder_.path().string();
  EXPECT_THAT(search_roots(given), ElementsAre(given, "/usr/share/datasets"));
  EXPECT_THAT(user_error([&] { search_roots(given + "/none"); }),
              AllOf(HasSubstr("there is no folder " + given + "/none"),
                    HasSubstr("--data-dir")));
  EXPECT_THAT(search_roots(""),
              ElementsAre("/from/environment", "/usr/share/datasets"));
  ::unsetenv("CAPE_DATA");
  EXPECT_THAT(search_roots(""), ElementsAre("/usr/share/datasets"));
}

}  // namespace
}  // namespace cape::datasets
