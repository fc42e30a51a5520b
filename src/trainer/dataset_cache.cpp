#include "trainer/dataset_cache.h"

#include <fmt/format.h>

namespace cape::trainer {

const datasets::Dataset& DatasetCache::open(const trial::DatasetRef& ref) {
  const std::tuple key(ref.name, ref.directory, ref.fingerprint);
  auto found = opened_.find(key);
  if (found == opened_.end()) {
    try {
      found =
          opened_
              .emplace(key,
                       ref.user
                           ? datasets::open_user_dataset(ref.name, *ref.user)
                           : datasets::load_from(ref.name, ref.directory))
              .first;
    } catch (const UserError& error) {
      throw DatasetError(error.what());
    }
  }
  const datasets::Dataset& dataset = found->second;
  if (dataset.info.fingerprint != ref.fingerprint) {
    throw DatasetError(fmt::format(
        "data set {} in {} is not the one that the run began with "
        "(fingerprint {}, expected {})",
        ref.name, ref.directory, dataset.info.fingerprint, ref.fingerprint));
  }
  return dataset;
}

}  // namespace cape::trainer
