/// Tests of run_fit, each in a folder of its own.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "predictor/fit/fit.h"

namespace cape::predictor {

class FitFolder : public testing::Test {
 protected:
  FitFolder()
      : folder_(std::filesystem::path(testing::TempDir()) /
                fmt::format("cape_fit_{}", testing::UnitTest::GetInstance()
                                               ->current_test_info()
                                               ->name())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    options_.out = folder_ / "model";
  }
  ~FitFolder() override { std::filesystem::remove_all(folder_); }

  /// run_fit; what it prints is in stdout_ and stderr_.
  void run() {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    try {
      run_fit(options_);
    } catch (...) {
      end_capture();
      throw;
    }
    end_capture();
  }

  /// Returns metrics.json.
  nlohmann::json fit(std::vector<std::filesystem::path> inputs) {
    options_.input.inputs = std::move(inputs);
    run();
    return nlohmann::json::parse(read_file(options_.out / "metrics.json"));
  }

  /// The message of the UserError that fitting these ends in; nothing must have
  /// been written.
  std::string error_message(std::vector<std::filesystem::path> inputs) {
    try {
      fit(std::move(inputs));
    } catch (const UserError& error) {
      EXPECT_FALSE(std::filesystem::exists(options_.out));
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return "";
  }

  std::filesystem::path write(const std::string& name,
                              const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }

  const std::filesystem::path folder_;
  FitOptions options_;
  std::string stdout_;
  std::string stderr_;

 private:
  void end_capture() {
    stdout_ = testing::internal::GetCapturedStdout();
    stderr_ = testing::internal::GetCapturedStderr();
  }
};

}  // namespace cape::predictor
