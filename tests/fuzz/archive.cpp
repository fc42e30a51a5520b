// Archives: .tar.gz, which may be plain .tar as well.
#include "datasets/archive.h"

#include "datasets.h"
#include "tar_mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  constexpr std::size_t kLimit = 1 << 20;
  static const fuzz::Folder folder;
  const auto path = folder.write("cifar-10-python.tar.gz", {data, size});
  fuzz::takes([&] {
    datasets::Archive archive(path);
    while (archive.next()) {
      const std::filesystem::path member = archive.member();
      fuzz::require(member.is_relative());
      fuzz::require(std::ranges::find(member, "..") == member.end());
      if (archive.read(kLimit).empty()) continue;
    }
  });
  fuzz::load_and_use("cifar10", path);
  return 0;
}
