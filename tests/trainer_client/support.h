/// A small grid, trainers that only play, and what they left behind.
#pragma once

#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "grid/grid.h"
#include "shard/schema.h"
#include "trainer_client/trainer_process.h"

namespace cape::trainer_client {

inline const std::string kFakeTrainer = CAPE_BINARY_DIR "/fake_trainer";

/// An empty folder that goes with the object.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// An environment variable that children inherit while the object lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value);
  ~Variable();
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

/// Collects the log while it lives.
class LogCapture {
 public:
  LogCapture();
  ~LogCapture();
  LogCapture(const LogCapture&) = delete;
  LogCapture& operator=(const LogCapture&) = delete;

  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

/// 4 groups x 3 trials x 3 epsilons, unless overridden ("grid.trials=1").
grid::Grid small_grid(const std::vector<std::string>& overrides = {});

/// An executable shell script.
std::string write_script(const std::filesystem::path& file,
                         const std::string& text);

/// The fake trainer with this FAKE_TRAINER, whatever the environment says.
TrainerCommand fake_trainer(const std::filesystem::path& folder,
                            const std::string& wishes);

/// All rows of a directory by key.
std::vector<shard::Row> rows_in(const std::filesystem::path& directory);

/// Expects the same rows, volatile columns aside.
void expect_same_rows(const std::vector<shard::Row>& actual,
                      const std::vector<shard::Row>& expected);

/// True when this process has no child, running or dead.
bool has_no_children();

}  // namespace cape::trainer_client
