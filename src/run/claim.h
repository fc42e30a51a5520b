/// A file that says "this part of this grid is being run", so that nobody runs
/// it twice at the same time by mistake. If a claim is wrongly taken for
/// invalid, two runs measure the same rows twice; merging removes the
/// duplicates, and no row is lost.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "coordinator/scheduler.h"

namespace cape::run {

class Claim {
 public:
  /// Claims `part` of the grid `name` in `directory`, and says every `beat`
  /// that this process lives. Throws UserError naming the other run when it
  /// holds the same part, or a part of another division. Claims of processes
  /// that have died and of Slurm jobs that have ended or begun anew, and those
  /// without a heartbeat for three minutes, are taken over.
  Claim(const std::filesystem::path& directory, const std::string& name,
        grid::Part part,
        std::chrono::milliseconds beat = std::chrono::seconds(30));
  /// Gives the claim back, if nobody has taken it over.
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  void keep_alive(const std::stop_token& stop, std::chrono::milliseconds beat);

  std::filesystem::path file_;
  std::string text_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread beating_;  ///< last: it uses the others
};

}  // namespace cape::run
