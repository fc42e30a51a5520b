#include "grid/config.h"

#include "core/error.h"

namespace cape::grid {

trial::Target target_of(const TrainConfig& train) {
  if (train.target == trial::BatchSteps::kName) return train.batch_steps;
  fail("no target '{}'", train.target);
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
