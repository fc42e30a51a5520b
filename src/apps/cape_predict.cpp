/// Predicts T* for the grid of a configuration from probes of untrained
/// networks: cape_predict CONFIG.yaml. Or from probes that somebody else has
/// taken: cape_predict --probed FILE.

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/enum_option.h"
#include "apps/path_option.h"
#include "apps/trainer_options.h"
#include "core/environment.h"
#include "core/error.h"
#include "core/files.h"
#include "core/version.h"
#include "grid/config_yaml.h"
#include "grid/open_datasets.h"
#include "prediction/predict_grid.h"
#include "prediction/print.h"
#include "prediction/read_probes.h"
#include "trainer_client/trainer_query.h"

namespace {

using namespace cape;  // NOLINT: this is the program

struct CommandLine {
  std::vector<std::string> config;  ///< CONFIG.yaml, key.path=value
  std::string model;
  TrainerOptions trainers;
  std::optional<prediction::CellOrder> order;  ///< that of the grid when absent
  bool measure = false;
  std::string target;  ///< that of the configuration when empty
  std::size_t steps = 0;
  std::string probed;  ///< a file, or - for standard input
  bool json = false;
};

void declare(CLI::App& app, CommandLine& line) {
  app.add_option(
         "config", line.config,
         "a configuration of cape_farm, and values that replace its own "
         "or, without a file, take its place, e.g. grid.batch_size=[64]")
      ->type_name("[CONFIG.yaml] [key.path=value ...]");
  as_path(app.add_option("--model", line.model,
                         "model directory of cape_fit; default: the model that "
                         "comes with cape_predict"))
      ->type_name("DIR");
  add_enum_option<prediction::CellOrder>(
      app, "--sort", line.order,
      "steps or seconds, the fewest first; default: as the grid has them, the "
      "largest networks first")
      ->type_name("KEY");
  app.add_flag(
      "--measure", line.measure,
      "also train the networks, and print the measured steps beside the "
      "predicted ones");
  app.add_option("--target", line.target,
                 "what is asked, in place of train.target of the "
                 "configuration: batch_steps or full_training, whole trainings")
      ->check(CLI::IsMember(trial::target_names()));
  app.add_option("--steps", line.steps,
                 "take the first 8 or 32 steps of each training (of a whole "
                 "training 32), and predict from their losses, too: slower and "
                 "better")
      ->type_name("8|32")
      ->check(CLI::IsMember(predictor::kFirstSteps));
  as_path(app.add_option(
              "--probed", line.probed,
              "predict from probes that were taken elsewhere, in place of a "
              "configuration: a file with a JSON object a line, or - for "
              "standard input (docs/probe_format.md)"))
      ->type_name("FILE|-");
  app.add_flag("--json", line.json, "print JSON, with all features");
  line.trainers.declare(app);
  app.set_version_flag(
      "--version", fmt::format("cape_predict {} ({})", kVersion, kGitCommit));
  app.footer(
      "Exit codes: 0 all predicted; 2 usage, configuration or model; 3 some "
      "networks failed.");
}

/// One trial of each cell, unless the command line wants more.
grid::Config load(const CommandLine& line) {
  std::vector<std::string> overrides = {"grid.trials=1"};
  std::string file;
  for (const std::string& argument : line.config) {
    if (argument.find('=') != std::string::npos) {
      overrides.push_back(argument);
    } else if (file.empty()) {
      file = expand_path(argument);
    } else {
      fail_user("one configuration, not two (found {} and {})", file, argument);
    }
  }
  if (line.config.empty()) {
    fail_user("which networks? cape_predict CONFIG.yaml; --help says more");
  }
  if (!line.target.empty()) overrides.push_back("train.target=" + line.target);
  std::ranges::copy(line.trainers.overrides(), std::back_inserter(overrides));
  grid::Config config =
      file.empty()
          ? grid::parse_config("name: prediction\n", "command line", overrides)
          : grid::load_config(file, overrides);
  if (file.empty()) grid::open_files(config, absolute_path("."));
  trainer_client::set_revisions(config, line.trainers.program().string());
  return config;
}

/// The model that was named, else the one that comes with the program.
predictor::Predictors open_model(const std::string& named,
                                 const std::string& target,
                                 std::size_t first_steps) {
  if (!named.empty()) {
    return predictor::load_predictors(named, target, first_steps);
  }
  const std::filesystem::path model = data_directory() / "model";
  if (std::filesystem::exists(model / target)) {
    return predictor::load_predictors(model, target, first_steps);
  }
  fail_user(
      "there is no default model for the target {} (looked for {}); name the "
      "--out of a cape_fit with --model, or make it with "
      "scripts/make_default_model.sh",
      target, (model / target).string());
}

/// The steps that --steps can name depend on the target.
void check_first_steps(std::size_t steps, const std::string& target) {
  const auto known = predictor::first_steps_of(target);
  if (std::ranges::find(known, steps) != known.end()) return;
  fail_user("--steps must be {} for the target {} (found {})",
            fmt::join(known, " or "), target, steps);
}

/// Of a whole training there is no such model for early stopping.
void check_first_steps(std::size_t steps,
                       const predictor::Predictors& predictors) {
  const bool any = std::ranges::any_of(predictors, [](const auto& one) {
    return one.second.first_steps.has_value();
  });
  if (any) return;
  fail_user(
      "the model cannot use --steps {}: its directory has no {}; fit it again "
      "with cape_fit, on shards with loss curves",
      steps, predictor::first_steps_file(steps));
}

void print(const CommandLine& line, const predictor::Predictors& predictors,
           prediction::GridPrediction& predicted) {
  if (line.order) prediction::sort_cells(predicted.cells, *line.order);
  (line.json ? prediction::print_json : prediction::print_table)(predictors,
                                                                 predicted);
}

prediction::ProbedCells read_probes(const CommandLine& line) {
  if (line.probed == "-") {
    return prediction::read_probes(std::cin, "standard input", line.target);
  }
  std::ifstream file(line.probed);
  if (!file) fail_user("{} cannot be opened", line.probed);
  return prediction::read_probes(file, line.probed, line.target);
}

/// What the probes that were handed over lack.
void warn_of_absent(const prediction::ProbedCells& probed, bool uses_losses) {
  std::map<std::int64_t, std::vector<std::string>> by_count;
  for (const auto& [name, count] : probed.absent) {
    by_count[count].push_back(name);
  }
  for (const auto& [count, names] : by_count) {
    spdlog::warn(
        "{} of {} probes do not mention these, which count as "
        "missing: {}",
        count, probed.probes, fmt::join(names, ", "));
  }
  if (!uses_losses && !probed.with_first_losses.empty()) {
    spdlog::warn("first_losses are not used without --steps");
  }
}

/// What --steps needs of every probe that asks for an epsilon.
void check_first_losses(const CommandLine& line,
                        const prediction::ProbedCells& probed) {
  std::int64_t enough = 0;
  for (const auto& [reached, probes] : probed.with_first_losses) {
    if (reached >= line.steps) enough += probes;
  }
  if (enough == probed.with_epsilon) return;
  fail_user(
      "{}: --steps {} needs first_losses of {} numbers, L_0 to L_{}; {} of {} "
      "probes have fewer, or none",
      line.probed, line.steps, line.steps + 1, line.steps,
      probed.with_epsilon - enough, probed.with_epsilon);
}

/// Predictions from probes that were taken elsewhere.
void predict_probed(const CommandLine& line) {
  if (!line.config.empty() || line.measure || line.trainers.any()) {
    fail_user(
        "--probed is given in place of a configuration and needs no trainer "
        "(found {})",
        !line.config.empty() ? line.config.front()
        : line.measure       ? "--measure"
                             : "an option of trainers");
  }
  const prediction::ProbedCells probed = read_probes(line);
  const bool first_steps = line.steps > 0;
  if (first_steps) {
    check_first_steps(line.steps, probed.target);
    check_first_losses(line, probed);
    if (probed.with_epsilon == 0) {
      spdlog::warn(
          "--steps changes no answer: it is for epsilons, and only early "
          "stopping is asked for");
    }
  }
  warn_of_absent(probed, first_steps);
  const predictor::Predictors predictors =
      open_model(line.model, probed.target, line.steps);
  if (first_steps) check_first_steps(line.steps, predictors);
  prediction::GridPrediction predicted{.cells = probed.cells, .failed = {}};
  prediction::check_criteria(predictors, predicted.cells);
  prediction::predict_cells(predictors, predicted.cells);
  print(line, predictors, predicted);
}

/// A line that is written over, where somebody watches.
void show_progress(std::size_t answered, std::int64_t all) {
  if (::isatty(STDERR_FILENO) == 0) return;
  fmt::print(stderr, "\r{} of {} networks", answered, all);
  if (static_cast<std::int64_t>(answered) == all)
    fmt::print(stderr, "\r\033[K");
}

int run(int argc, char** argv) {
  // A child that dies is noticed by its pipe.
  std::signal(SIGPIPE, SIG_IGN);
  spdlog::set_default_logger(spdlog::stderr_color_mt("cape_predict"));
  spdlog::set_pattern("%^%l%$: %v");
  CLI::App app(
      "Predicts how many optimizer steps or epochs networks need, from one\n"
      "look at them untrained: all cells of a grid, by a model of cape_fit.",
      "cape_predict");
  CommandLine line;
  declare(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  if (!line.probed.empty()) {
    predict_probed(line);
    return kExitDone;
  }
  const grid::Config config = load(line);
  const bool first_steps = line.steps > 0;
  if (first_steps) check_first_steps(line.steps, config.train.target);
  const predictor::Predictors predictors =
      open_model(line.model, config.train.target, line.steps);
  if (first_steps) check_first_steps(line.steps, predictors);
  const grid::Grid grid(config, grid::open_datasets(config));
  prediction::GridPrediction predicted =
      prediction::predict_grid(predictors, grid,
                               {.trainer = line.trainers.program(),
                                .measure = line.measure,
                                .first_steps = line.steps},
                               [&](std::size_t answered) {
                                 show_progress(answered, grid.trajectories());
                               });
  print(line, predictors, predicted);
  for (const prediction::FailedPrediction& failed : predicted.failed) {
    spdlog::error("{}: {}", failed.what, failed.error);
  }
  return predicted.failed.empty() ? kExitDone : kExitSomeFailed;
}

}  // namespace

int main(int argc, char** argv) {
  return cape::guarded_main("cape_predict", run, argc, argv);
}
