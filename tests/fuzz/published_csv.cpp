// Published meta-datasets.
#include "shard/published_csv.h"

#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  using namespace cape;
  static const fuzz::Folder folder;
  const auto path = folder.write("meta_dataset_mlp.csv", {data, size});
  fuzz::takes([&] {
    for (const shard::Row& row : shard::read_published_csv(path)) {
      fuzz::require(row.t_star >= 1 && row.samples_available >= 0);
    }
  });
  return 0;
}
