/// What a fake trainer is asked to do wrong, by environment variables:
///
///   FAKE_TRAINER       comma-separated wishes, KIND, KIND@N, KIND@tN or
///                      KIND@NAME: at every task, at the N-th of this process
///                      (from 1), at those of trial N (from 0), or of the
///                      network mlp_2x64
///   FAKE_TRAINER_ONCE  a folder: each KIND is then done once by all processes
///                      together, and marked there by a file of its name
///   FAKE_TRAINER_GPUS  how many it says there are
///   FAKE_TRAINER_MS    milliseconds that each task takes
///   FAKE_TRAINER_BUSY  a folder in which all who are at a task leave a file;
///                      "crowded" runs out of memory where it finds others'
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "trial/task.h"

namespace cape {

/// A file of this process in $FAKE_TRAINER_BUSY, if that is set.
class BusyMark {
 public:
  BusyMark();
  ~BusyMark();
  BusyMark(const BusyMark&) = delete;
  BusyMark& operator=(const BusyMark&) = delete;

  /// True when other processes have theirs.
  bool crowded() const;

 private:
  std::filesystem::path file_;
};

class Misbehaviour {
 public:
  /// Reads the environment. Throws UserError for what is not a wish.
  Misbehaviour();

  /// True when every process is to do `kind`, whatever its tasks.
  bool always(const std::string& kind) const;

  /// What to do at this process's `number`-th task; empty: behave.
  std::string at(const trial::TrialTask& task, std::int64_t number) const;

 private:
  struct Wish {
    std::string kind;
    std::optional<std::int64_t> number;
    std::optional<std::int64_t> trial;
    std::optional<std::string> network;
  };

  static Wish parse(const std::string& text);
  bool is_first_time(const std::string& kind) const;

  std::vector<Wish> wishes_;
  std::string marker_folder_;
};

}  // namespace cape
