/// Shows the progress of a run: one line that is updated on a terminal, a new
/// line from time to time elsewhere.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string>

#include "coordinator/coordinator.h"
#include "core/enum_names.h"

namespace cape::run {

enum class ProgressMode { automatic, live, plain, none };

constexpr auto enum_names(ProgressMode) {
  using enum ProgressMode;
  return EnumNames{"way to show progress",
                   std::to_array<EnumName<ProgressMode>>({{automatic, "auto"},
                                                          {live, "live"},
                                                          {plain, "plain"},
                                                          {none, "none"}})};
}

/// True when the person who started the launcher (mpirun, srun) sees standard
/// error on a terminal. Under a launcher our own standard error is a pipe.
bool launcher_on_terminal();

class Progress {
 public:
  explicit Progress(ProgressMode mode);

  /// Prints when enough time has passed.
  void update(const coordinator::Tally& tally, std::optional<double> eta);

  /// Ends the line that is updated.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  bool live_;
  bool silent_;
  bool line_open_ = false;
  Clock::time_point started_ = Clock::now();
  Clock::time_point next_;
};

/// "1,234/5,000 rows (24 %), 12.3 rows/s, 2 failed, 1 min 20 s left".
std::string progress_line(const coordinator::Tally& tally, double seconds,
                          std::optional<double> eta);

}  // namespace cape::run
