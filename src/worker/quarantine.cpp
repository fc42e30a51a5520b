#include "worker/quarantine.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/error.h"
#include "core/files.h"
#include "core/subprocess.h"
#include "core/units.h"

namespace cape {

void Quarantine::add(const FailedTrial& trial) const {
  const nlohmann::json line = {
      {"time", utc_now()},          {"trajectory", trial.trajectory},
      {"epsilons", trial.epsilons}, {"trial", trial.description},
      {"attempts", trial.attempts}, {"error", trial.error}};
  // What a library says may not be UTF-8.
  const std::string text =
      line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
      "\n";
  const FileHandle file(
      ::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
  if (!file.is_open() ||
      ::write(file.get(), text.data(), text.size()) !=
          static_cast<ssize_t>(text.size()) ||
      ::fsync(file.get()) != 0) {
    throw StoppedError(fmt::format("cannot append to {}: {}", file_.string(),
                                   errno_text(errno)));
  }
}

std::vector<FailedTrial> read_quarantine(
    const std::filesystem::path& directory) {
  std::vector<FailedTrial> trials;
  if (!std::filesystem::is_directory(directory)) return trials;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("failed-") || !name.ends_with(".jsonl")) continue;
    std::istringstream lines(read_file(entry.path()));
    for (std::string line; std::getline(lines, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, false);
      if (!json.is_object()) continue;
      trials.push_back({json.value("trajectory", ""),
                        json.value("epsilons", std::vector<double>{}),
                        json.value("trial", ""), json.value("error", ""),
                        json.value("attempts", std::int64_t{0})});
    }
  }
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) {
    return a.trajectory < b.trajectory;
  });
  return trials;
}

}  // namespace cape
