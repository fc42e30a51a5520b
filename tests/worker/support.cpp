#include "support.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "grid/config_yaml.h"
#include "shard/reader.h"

namespace cape {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{60};

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

std::int64_t done_cells(const DoneMap& done) {
  std::int64_t cells = 0;
  for (const auto& [index, mask] : done) cells += std::popcount(mask);
  return cells;
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

Grid small_grid(const std::vector<std::string>& overrides) {
  return Grid(parse_config(kConfig, "small.yaml", overrides),
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

Publisher make_publisher(const Grid& grid,
                         const std::filesystem::path& directory,
                         const std::string& prefix,
                         std::function<Publisher::Clock::time_point()> now) {
  return Publisher(
      shard::ShardWriter({.directory = directory,
                          .prefix = prefix,
                          .provenance = {.attributes = {}, .config_yaml = ""}}),
      Quarantine(directory / ("failed-" + prefix + ".jsonl")),
      grid.config().output, std::move(now));
}

std::unique_ptr<Worker> make_worker(
    const Grid& grid, Communicator& communicator,
    const std::filesystem::path& directory,
    const std::vector<TrainerCommand>& trainers) {
  std::signal(SIGPIPE, SIG_IGN);  // as cape_farm does
  const std::string prefix = fmt::format("small-r{}", communicator.rank());
  return std::make_unique<Worker>(
      grid, communicator, make_publisher(grid, directory, prefix),
      Worker::Options{.trainers = trainers,
                      .make_publications = measured_rows(grid.config().output),
                      .deadline = {},
                      .patience_to_start = std::chrono::seconds(4)});
}

FarmResult run_small_farm(const Grid& grid,
                          const std::filesystem::path& directory,
                          const FarmSetup& setup) {
  const auto ranks = connect_in_process(setup.ranks);
  Coordinator coordinator(grid, *ranks[0],
                          {.part = {},
                           .done = setup.done,
                           .done_before = done_cells(setup.done),
                           .speed = SpeedEstimate(),
                           .deadline = {}});
  std::vector<std::unique_ptr<Worker>> workers;
  workers.reserve(ranks.size());
  for (const auto& rank : ranks) {
    const bool last = rank == ranks.back() && !setup.last_rank.empty();
    workers.push_back(make_worker(grid, *rank, directory,
                                  last ? setup.last_rank : setup.trainers));
  }
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (!coordinator.finished()) {
    if (Clock::now() > give_up) {
      ADD_FAILURE() << "the farm does not come to its end";
      break;
    }
    for (std::size_t r = 0; r < workers.size(); ++r) {
      while (const auto message = ranks[r]->receive()) {
        if (message->tag == kTagLease || message->tag == kTagEnd) {
          workers[r]->handle(*message);
        } else if (message->tag != kTagLeave) {
          coordinator.handle(*message);
        }
      }
      workers[r]->poll(std::chrono::milliseconds(1));
    }
    coordinator.tick();
  }
  return {coordinator.exit_code(), coordinator.tally(),
          coordinator.early_reason()};
}

void poll_until(Worker& worker, const std::function<bool()>& done) {
  const Clock::time_point give_up = Clock::now() + kPatience;
  while (!done()) {
    ASSERT_LT(Clock::now(), give_up) << "the worker does not come to it";
    worker.poll(std::chrono::milliseconds(1));
  }
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

}  // namespace cape
