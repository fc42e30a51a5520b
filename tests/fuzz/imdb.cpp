// Reviews in an archive, which may be plain .tar as well.
#include "datasets/imdb.h"

#include "datasets.h"
#include "tar_mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  static const fuzz::Folder folder;
  const auto path = folder.write("aclImdb.tar.gz", {data, size});
  fuzz::load_and_use("imdb", path);
  return 0;
}
