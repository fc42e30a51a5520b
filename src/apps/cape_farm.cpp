/// Measures the grid of a configuration: mpirun -n 8 cape_farm CONFIG.yaml

#include <fmt/format.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <csignal>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/enum_option.h"
#include "apps/path_option.h"
#include "apps/trainer_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/units.h"
#include "core/version.h"
#include "grid/config_yaml.h"
#include "grid/open_datasets.h"
#include "messaging/communicator.h"
#include "run/farm.h"
#include "run/handshake.h"
#include "run/plan.h"
#include "trainer_client/trainer_query.h"

namespace {

using namespace cape;  // NOLINT: this is the program

constexpr std::int64_t kMostRanks = 65536;

struct CommandLine {
  std::string config;
  std::vector<std::string> overrides;
  std::string out;
  TrainerOptions trainers;
  std::string shard;
  std::string time_limit;
  run::ProgressMode progress = run::ProgressMode::automatic;
  bool plan = false;
  bool status = false;
  bool print_config = false;
  bool list_datasets = false;
  bool retry_failed = false;
  bool refresh_probes = false;
  std::string ranks;  ///< launch_ranks() has looked at it
};

void declare(CLI::App& app, CommandLine& line) {
  as_path(app.add_option("config", line.config, "what to run"))
      ->type_name("CONFIG.yaml");
  app.add_option("overrides", line.overrides,
                 "values that replace those of the configuration, e.g. "
                 "grid.trials=2")
      ->type_name("key.path=value");
  app.add_flag("--plan", line.plan,
               "show the grid, what is done, expected cost; run nothing");
  app.add_flag("--status", line.status, "show what the output directory holds");
  app.add_flag("--print-config", line.print_config,
               "print the complete configuration with all defaults");
  app.add_flag("--list-datasets", line.list_datasets,
               "show which data sets were found, known and your own");
  as_path(app.add_option("--out", line.out,
                         "output directory; default runs/<name>"))
      ->type_name("DIR");
  app.add_option("--shard", line.shard, "run the I-th of N parts, from 0")
      ->type_name("I/N");
  app.add_option("--time-limit", line.time_limit,
                 "stop in time: 90m, 2h30m, HH:MM:SS")
      ->type_name("DUR");
  app.add_flag("--retry-failed", line.retry_failed,
               "try quarantined trials again");
  app.add_flag("--refresh-probes", line.refresh_probes,
               "train nothing: repeat the probes of the rows in the output "
               "directory that an older version measured");
  app.add_option("--ranks", line.ranks,
                 "start N ranks with mpirun, with the settings that they need")
      ->type_name("N");
  line.trainers.declare(app);
  add_enum_option<run::ProgressMode>(app, "--progress", line.progress,
                                     "auto, live, plain or none")
      ->type_name("HOW");
  app.set_version_flag(
      "--version", fmt::format("cape_farm {} ({}), {}", kVersion, kGitCommit,
                               messaging::mpi_version()));
  app.footer(
      "Exit codes: 0 all done; 2 usage or configuration; 3 finished, some "
      "trials failed;\n75 stopped early, run the same command again.");
}

std::optional<std::int64_t> to_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

grid::Part parse_part(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t slash = text.find('/');
  if (slash != std::string::npos) {
    const auto index = to_integer(std::string_view(text).substr(0, slash));
    const auto count = to_integer(std::string_view(text).substr(slash + 1));
    if (index && count && *index >= 0 && *index < *count) {
      return {*index, *count};
    }
  }
  fail_user(
      "--shard must be I/N with 0 <= I < N, e.g. 0/4 for the first of four "
      "parts (found '{}')",
      text);
}

std::optional<double> parse_time_limit(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const auto seconds = parse_duration(text);
  if (seconds && *seconds > 0) return seconds;
  fail_user(
      "--time-limit must be a duration: 90m, 2h30m, HH:MM:SS (found '{}')",
      text);
}

grid::Config load(const CommandLine& line) {
  if (line.config.empty()) {
    fail_user("which configuration? cape_farm CONFIG.yaml; --help says more");
  }
  std::vector<std::string> overrides = line.overrides;
  std::ranges::copy(line.trainers.overrides(), std::back_inserter(overrides));
  grid::Config config = grid::load_config(line.config, overrides);
  trainer_client::set_revisions(config, line.trainers.program().string());
  return config;
}

void print(const datasets::Found& found) {
  if (!found.problem.empty()) {
    fmt::print("{:<16} not usable: {}\n", found.name, found.problem);
    return;
  }
  std::string what = format_count(found.samples) + " samples";
  if (found.classes > 0) {
    const bool listed = found.task == datasets::Task::multilabel;
    what +=
        fmt::format(", {} {}", found.classes, listed ? "labels" : "classes");
  }
  if (found.vocabulary > 0) {
    what +=
        fmt::format(", tokens (vocabulary {})", format_count(found.vocabulary));
  }
  if (found.task) what += fmt::format(", {}", to_string(*found.task));
  fmt::print("{:<16} {}, in {}{}\n", found.name, what, found.directory,
             found.note.empty() ? "" : " (" + found.note + ")");
}

/// The known data sets and, of a configuration, the user's own.
void list_datasets(const CommandLine& line) {
  const grid::Config config = line.config.empty() ? grid::Config{} : load(line);
  const auto roots = datasets::search_roots(
      line.config.empty() ? line.trainers.data_dir : config.data_dir);
  for (const auto& root : roots) fmt::print("looked in {}\n", root.string());
  for (const auto& found : datasets::list_datasets(roots)) print(found);
  std::vector<datasets::UserDataset> listed;  // once, whatever its variants
  for (const grid::DatasetSpec& spec : config.grid.datasets) {
    if (!spec.user || std::ranges::find(listed, *spec.user) != listed.end()) {
      continue;
    }
    print(datasets::find_user_dataset(spec.name, *spec.user));
    listed.push_back(*spec.user);
  }
}

/// Rank 0. Sets `farmed` once the other ranks have been spoken to.
int run_first_rank(messaging::Communicator& communicator, int argc, char** argv,
                   bool& farmed) {
  CLI::App app(
      "Measures how many optimizer steps networks need: probes and trains "
      "every cell of a\ngrid and writes HDF5 shards. Run it again to go on "
      "where it stopped.",
      "cape_farm");
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  if (line.list_datasets) {
    list_datasets(line);
    return kExitDone;
  }
  const grid::Config config = load(line);
  if (line.print_config) {
    fmt::print("{}", grid::to_yaml(config));
    return kExitDone;
  }
  if (line.plan && line.status) {
    fail_user("--plan and --status are two questions; ask one after the other");
  }
  if (line.refresh_probes && (line.status || line.retry_failed)) {
    fail_user(
        "--refresh-probes and {} are different tasks; run one after the other",
        line.status ? "--status" : "--retry-failed");
  }
  run::FarmOptions options{
      .directory = line.out.empty()
                       ? std::filesystem::path("runs") / config.name
                       : std::filesystem::path(line.out),
      .part = parse_part(line.shard),
      .time_limit = parse_time_limit(line.time_limit),
      .retry_failed = line.retry_failed,
      .progress = line.progress,
      .trainer = line.trainers.program()};
  const std::vector<datasets::DatasetInfo> datasets =
      grid::open_datasets(config);
  if (line.refresh_probes) {
    if (line.plan) {
      run::print_refresh_plan(config, datasets, options.part,
                              options.directory);
      return kExitDone;
    }
    farmed = true;
    return run::refresh_probes(communicator, config, datasets, options);
  }
  const grid::Grid grid(config, datasets);
  if (line.plan) {
    run::print_plan(grid, options.part, options.directory);
    return kExitDone;
  }
  if (line.status)
    return run::print_status(grid, options.part, options.directory);
  farmed = true;
  return run::run_farm(communicator, grid, options);
}

/// With --ranks becomes mpirun and does not return; the ranks that it starts
/// are not told of --ranks.
void launch_ranks(int argc, char** argv) {
  std::vector<std::string> command = {
      (executable_directory() / "cape_farm").string()};
  std::optional<std::string> ranks;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--ranks" && i + 1 < argc) {
      ranks = argv[++i];
    } else if (argument.starts_with("--ranks=")) {
      ranks = std::string(argument.substr(argument.find('=') + 1));
    } else {
      command.emplace_back(argument);
    }
  }
  if (!ranks) return;
  const auto count = to_integer(*ranks);
  if (!count || *count < 1 || *count > kMostRanks) {
    fail_user("--ranks must be a whole number from 1 to {} (found '{}')",
              kMostRanks, *ranks);
  }
  messaging::launch(static_cast<int>(*count), command);
}

int run_rank(messaging::Communicator& communicator, int argc, char** argv) {
  if (communicator.rank() != 0) {
    run::join_farm(communicator);
    return kExitDone;
  }
  bool farmed = false;
  try {
    const int code = run_first_rank(communicator, argc, argv, farmed);
    if (!farmed) run::dismiss_ranks(communicator);
    return code;
  } catch (const UserError&) {
    run::dismiss_ranks(communicator);
    throw;
  }
}

int run_program(int argc, char** argv) {
  // A child that dies is noticed by its pipe.
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("cape_farm"));
  spdlog::set_pattern("%^%l%$: %v");
  launch_ranks(argc, argv);
  const std::unique_ptr<messaging::Communicator> communicator =
      messaging::connect();
  try {
    return run_rank(*communicator, argc, argv);
  } catch (const StoppedError& error) {
    spdlog::error("{}", error.what());
    // MPI would wait for ranks that are lost.
    exit_at_once(error.exit_code());
  }
}

}  // namespace

int main(int argc, char** argv) {
  return cape::guarded_main("cape_farm", run_program, argc, argv);
}
