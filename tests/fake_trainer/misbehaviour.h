/// What a fake trainer is asked to do wrong, by environment variables:
///
///   FAKE_TRAINER       comma-separated wishes, KIND, KIND@N or KIND@tN: at
///                      every task, at the N-th of this process (from 1), or at
///                      those of trial N (from 0)
///   FAKE_TRAINER_ONCE  a folder: each KIND is then done once by all processes
///                      together, and marked there by a file of its name
///   FAKE_TRAINER_MS    milliseconds that each task takes
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trial/task.h"

namespace cape {

class Misbehaviour {
 public:
  /// Reads the environment. Throws UserError for what is not a wish.
  Misbehaviour();

  /// True when every process is to do `kind`, whatever its tasks.
  bool always(const std::string& kind) const;

  /// What to do at this process's `number`-th task; empty: behave.
  std::string at(const TrialTask& task, std::int64_t number) const;

 private:
  struct Wish {
    std::string kind;
    std::optional<std::int64_t> number;
    std::optional<std::int64_t> trial;
  };

  static Wish parse(const std::string& text);
  bool is_first_time(const std::string& kind) const;

  std::vector<Wish> wishes_;
  std::string marker_folder_;
};

}  // namespace cape
