#include "misbehaviour.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/file_handle.h"

namespace cape {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::int64_t to_number(const std::string& text, std::size_t from, int base) {
  std::int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] =
      std::from_chars(text.data() + from, end, number, base);
  if (error != std::errc{} || last != end) {
    fail_user("FAKE_TRAINER: no number in '{}'", text);
  }
  return number;
}

/// The last eight digits of a key.
std::int64_t trial_of(const trial::TrialTask& task) {
  return to_number(task.trajectory, task.trajectory.size() - 8, 16);
}

}  // namespace

BusyMark::BusyMark() {
  const std::string folder = environment("FAKE_TRAINER_BUSY");
  if (folder.empty()) return;
  file_ = std::filesystem::path(folder) / fmt::format("busy-{}", ::getpid());
  std::ofstream(file_) << "busy\n";
}

BusyMark::~BusyMark() {
  std::error_code error;
  std::filesystem::remove(file_, error);
}

bool BusyMark::crowded() const {
  if (file_.empty()) return false;
  for (const auto& entry :
       std::filesystem::directory_iterator(file_.parent_path())) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("busy-") && name != file_.filename()) return true;
  }
  return false;
}

Misbehaviour::Misbehaviour()
    : marker_folder_(environment("FAKE_TRAINER_ONCE")) {
  std::istringstream wishes(environment("FAKE_TRAINER"));
  for (std::string wish; std::getline(wishes, wish, ',');) {
    wishes_.push_back(parse(wish));
  }
}

Misbehaviour::Wish Misbehaviour::parse(const std::string& text) {
  const std::size_t at = text.find('@');
  Wish wish{
      .kind = text.substr(0, at), .number = {}, .trial = {}, .network = {}};
  if (at == std::string::npos) return wish;
  if (text.find('_', at) != std::string::npos) {
    wish.network = text.substr(at + 1);
  } else if (text[at + 1] == 't') {
    wish.trial = to_number(text, at + 2, 10);
  } else {
    wish.number = to_number(text, at + 1, 10);
  }
  return wish;
}

bool Misbehaviour::always(const std::string& kind) const {
  return std::any_of(wishes_.begin(), wishes_.end(),
                     [&](const Wish& wish) { return wish.kind == kind; });
}

std::string Misbehaviour::at(const trial::TrialTask& task,
                             std::int64_t number) const {
  for (const Wish& wish : wishes_) {
    if (wish.number && *wish.number != number) continue;
    if (wish.trial && *wish.trial != trial_of(task)) continue;
    if (wish.network && *wish.network != zoo::short_name(task.architecture)) {
      continue;
    }
    if (is_first_time(wish.kind)) return wish.kind;
  }
  return "";
}

bool Misbehaviour::is_first_time(const std::string& kind) const {
  if (marker_folder_.empty()) return true;
  const std::string marker = marker_folder_ + "/" + kind;
  return open_file(marker, O_WRONLY | O_CREAT | O_EXCL).is_open();
}

}  // namespace cape
