#include "trainer_client/support.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "grid/config_yaml.h"
#include "shard/reader.h"

namespace cape::trainer_client {
namespace {

const std::string kConfig = R"(name: small
grid:
  models: [{family: mlp, sample: published}]
  datasets: [mnist]
  learning_rate: [1e-3, 2e-3]
  batch_size: [16, 32]
  epsilon: [0.1, 0.2, 0.3]
  trials: 3
train: {max_steps: 400}
workers: {retries: 2}
)";

datasets::DatasetInfo made_up_mnist() {
  return {.name = "mnist",
          .shape = {1, 28, 28},
          .classes = 10,
          .samples = 1000,
          .train_size = 60000,
          .fingerprint = "00112233445566778899aabbccddeeff",
          .directory = "/nowhere"};
}

}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = testing::TempDir() + "cape_worker_XXXXXX";
  path_ = ::mkdtemp(name.data());
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

Variable::Variable(const char* name, const std::string& value) : name_(name) {
  ::setenv(name_, value.c_str(), 1);
}

Variable::~Variable() { ::unsetenv(name_); }

LogCapture::LogCapture() : before_(spdlog::default_logger()) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "capture", std::make_shared<spdlog::sinks::ostream_sink_st>(text_)));
}

LogCapture::~LogCapture() { spdlog::set_default_logger(before_); }

grid::Grid small_grid(const std::vector<std::string>& overrides) {
  return grid::Grid(grid::parse_config(kConfig, "small.yaml", overrides),
                    {made_up_mnist()});
}

std::string write_script(const std::filesystem::path& file,
                         const std::string& text) {
  std::ofstream(file) << "#!/bin/sh\n" << text << "\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return file.string();
}

TrainerCommand fake_trainer(const std::filesystem::path& folder,
                            const std::string& wishes) {
  std::string name = wishes;
  std::replace(name.begin(), name.end(), ',', '-');
  return {.program = write_script(
              folder / ("fake-" + name),
              "FAKE_TRAINER='" + wishes + "' exec " + kFakeTrainer + " \"$@\""),
          .device = "cpu"};
}

std::vector<shard::Row> rows_in(const std::filesystem::path& directory) {
  std::vector<shard::Row> rows;
  for (const auto& path : shard::shards_in(directory)) {
    shard::for_each_row(path,
                        [&](const shard::Row& row) { rows.push_back(row); });
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return a.key.view() < b.key.view();
  });
  return rows;
}

void expect_same_rows(const std::vector<shard::Row>& actual,
                      const std::vector<shard::Row>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_EQ(shard::compare_content(actual[i], expected[i]), 0)
        << actual[i].key.view() << " and " << expected[i].key.view();
  }
}

bool has_no_children() {
  return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
}

}  // namespace cape::trainer_client
