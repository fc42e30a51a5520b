#include "grid/config.h"

namespace cape {

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

}  // namespace cape
