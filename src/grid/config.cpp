#include "grid/config.h"

#include <algorithm>

#include "core/error.h"
#include "core/hash.h"
#include "core/overloaded.h"

namespace cape::grid {

trial::Target target_of(const TrainConfig& train) {
  static_assert(std::variant_size_v<trial::Target> == 2);
  if (train.target == trial::BatchSteps::kName) return train.batch_steps;
  if (train.target != trial::FullTraining::kName) {
    fail("no target '{}'", train.target);
  }
  trial::FullTraining training = train.full_training;
  training.patience = *std::ranges::max_element(train.patience);
  return training;
}

std::uint64_t validation_seed(const Config& config,
                              const std::string& fingerprint) {
  return seed_of(fmt::format("{}/{}/validation", config.seed, fingerprint));
}

std::vector<trial::Criterion> criteria_of(const Config& config) {
  std::vector<trial::Criterion> criteria =
      trial::criteria_of(config.grid.epsilon);
  std::visit(
      Overloaded{[](const trial::BatchSteps&) {},
                 [&](const trial::FullTraining& training) {
                   for (const std::int64_t patience : config.train.patience) {
                     criteria.emplace_back(
                         trial::EarlyStopping{patience, training.min_delta});
                   }
                 }},
      target_of(config.train));
  return criteria;
}

std::string Config::where(const std::string& key_path) const {
  std::string path = key_path;
  while (true) {
    const auto found = locations.find(path);
    if (found != locations.end()) return found->second;
    const std::size_t end = path.find_last_of(".[");
    if (end == std::string::npos) return name;
    path.resize(end);
  }
}

}  // namespace cape::grid
