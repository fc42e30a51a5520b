/// A file that says "this part of this grid is being run", so that nobody runs
/// it twice at the same time by mistake. A claim that errs costs duplicate
/// rows, which merging removes, never data.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "coordinator/scheduler.h"

namespace cape {

class Claim {
 public:
  /// Claims `part` of the grid `name` in `directory`. Throws UserError naming
  /// the other run when it holds the same part, or a part of another division.
  /// Claims of processes that have died, and those without a heartbeat for
  /// three minutes, are taken over.
  Claim(const std::filesystem::path& directory, const std::string& name,
        Part part);
  /// Gives the claim back.
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// Says that the run still lives; does something every half minute.
  void heartbeat();

 private:
  std::filesystem::path file_;
  std::chrono::steady_clock::time_point next_beat_;
};

}  // namespace cape
