// Data of the user's own in an HDF5 file: a byte that picks the array of the
// samples, and the file.
#include "datasets.h"
#include "datasets/user_dataset.h"

/// HDF5 leaks some of what it has read when the rest is damaged.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  static const fuzz::Folder folder;
  static const std::string kNames[] = {"plain/x", "big_endian", "packed",
                                       "flags"};
  if (size == 0) return 0;
  const std::string file = folder.write("own.h5", {data + 1, size - 1});
  // Each array is tried out in another process, which may crash.
  fuzz::takes([&] {
    fuzz::use(datasets::open_user_dataset(
        "own", {.format = "hdf5",
                .x = file + ":/" + kNames[data[0] % 4],
                .y = file + ":/plain/y"}));
  });
  return 0;
}
