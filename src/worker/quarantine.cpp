#include "worker/quarantine.h"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "core/files.h"
#include "core/json.h"
#include "core/units.h"

namespace cape::worker {
namespace {

/// Nothing for a line that a crash cut short or that somebody edited badly.
std::optional<FailedTrial> parse_line(const std::string& line) {
  try {
    const auto json = nlohmann::json::parse(line);
    FailedTrial trial{json.at("trajectory"),
                      {},
                      json.at("trial"),
                      json.at("error"),
                      whole_number(json.at("attempts"))};
    // Files of the first versions say "epsilons".
    const auto criteria = json.find("criteria");
    for (const auto& criterion :
         criteria != json.end() ? *criteria : json.at("epsilons")) {
      trial.criteria.push_back(trial::criterion_from(criterion));
    }
    return trial;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

nlohmann::json criteria_json(const FailedTrial& trial) {
  auto criteria = nlohmann::json::array();
  for (const trial::Criterion& criterion : trial.criteria) {
    criteria.push_back(to_json(criterion));
  }
  return criteria;
}

}  // namespace

void Quarantine::add(const FailedTrial& trial) {
  const nlohmann::json criteria = criteria_json(trial);
  const nlohmann::json line = {
      {"time", utc_now()},          {"trajectory", trial.trajectory},
      {"criteria", criteria},       {"trial", trial.description},
      {"attempts", trial.attempts}, {"error", trial.error}};
  lines_ += to_text(line) + "\n";
}

void Quarantine::flush() {
  if (flushed()) return;
  publish_file(file_, lines_);
  flushed_ = lines_.size();
}

std::vector<FailedTrial> read_quarantine(
    const std::filesystem::path& directory) {
  std::set<std::filesystem::path> files;  // by name: by the time of their run
  if (std::filesystem::is_directory(directory)) {
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("failed-") && name.ends_with(".jsonl")) {
        files.insert(entry.path());
      }
    }
  }
  // Of a trial that failed in several runs the last one counts.
  std::map<std::pair<std::string, std::string>, FailedTrial> newest;
  for (const auto& file : files) {
    std::istringstream lines(read_file(file));
    for (std::string line; std::getline(lines, line);) {
      if (auto trial = parse_line(line)) {
        auto key = std::pair(trial->trajectory, criteria_json(*trial).dump());
        newest[std::move(key)] = *std::move(trial);
      }
    }
  }
  std::vector<FailedTrial> trials;
  trials.reserve(newest.size());
  for (auto& [key, trial] : newest) trials.push_back(std::move(trial));
  return trials;
}

}  // namespace cape::worker
