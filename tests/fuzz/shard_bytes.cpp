// Damaged shards: changes to a good one, in four bytes each: where (three
// bytes, little-endian) and what that byte is XORed with. One to three bytes
// more say where it is cut off. The checksum is gone, as in a file that was
// edited in Python: with it, no change would get as far as HDF5.
#include <vector>

#include "shard/reader.h"
#include "shard/writer.h"
#include "support.h"

namespace {

using namespace cape;

std::string good_shard() {
  std::vector<shard::Row> rows(2);
  rows[0].key = "a";
  rows[1].key = "b";
  const std::vector<float> losses(16, 1.F);
  const std::string image = shard::shard_image(
      rows, losses, {{{"host", "somewhere"}}, "name: sample\n"});
  return image.substr(0, image.rfind("\nCAPE"));
}

std::size_t number(std::span<const std::uint8_t> bytes) {
  std::size_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

std::vector<std::uint8_t> damaged(std::span<const std::uint8_t> changes) {
  static const std::string good = good_shard();
  std::vector<std::uint8_t> image(good.begin(), good.end());
  for (; changes.size() >= 4; changes = changes.subspan(4))
    image[number(changes.first(3)) % image.size()] ^= changes[3];
  if (!changes.empty()) image.resize(number(changes) % image.size());
  return image;
}

}  // namespace

/// HDF5 leaks some of what it has read when the rest is damaged.
// NOLINTNEXTLINE(bugprone-reserved-identifier)
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  static const fuzz::Folder folder;
  const auto path = folder.write("shard.h5", damaged({data, size}));
  // Each tries out all that there is in the file, in another process.
  fuzz::takes([&] {
    if (size % 3 == 0) {
      shard::for_each_row(path, [](const shard::Row&) {});
    } else if (size % 3 == 1) {
      shard::read_curves(path);
    } else {
      shard::read_provenance(path);
    }
  });
  return 0;
}
