#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/units.h"
#include "prediction/print.h"
#include "trial/criterion.h"
#include "trial/optimizer.h"

namespace cape::prediction {
namespace {

using Line = std::vector<std::string>;

/// Features that add less than this to log T* are not printed.
constexpr float kLittle = 0.005F;

/// The probability of converging below which the table says so.
constexpr double kSure = 0.9;

std::vector<std::string> beyond(const predictor::Prediction& prediction) {
  std::vector<std::string> what = prediction.unseen;
  what.insert(what.end(), prediction.extrapolated.begin(),
              prediction.extrapolated.end());
  return what;
}

bool is_inside(const CellPrediction& cell) {
  if (cell.never_ends()) return !cell.row.converged;
  const auto& [lower, upper] = cell.steps_interval();
  // What did not converge needs more steps than it ran.
  if (!cell.row.converged) return upper >= cell.row.steps_run;
  return lower <= cell.row.t_star && cell.row.t_star <= upper;
}

/// The columns that a table has beside those of every table.
struct Columns {
  bool optimizer = false;  ///< where one of them is not AdamW
  bool measured = false;
  bool training = false;  ///< on a whole data set
};

/// What the count of the row ends with, in a whole training.
std::string end_of(const CellPrediction& cell) {
  return cell.stops_early() ? fmt::format("patience {}", cell.row.patience)
                            : fmt::format("loss {:g}", cell.row.epsilon);
}

/// Steps, or of a whole training epochs.
double in_unit(const CellPrediction& cell, double steps) {
  return cell.is_whole_training() ? steps / cell.row.steps_per_epoch : steps;
}

/// The same as a text. Of one epoch, parts count.
std::string shown(const CellPrediction& cell, double steps) {
  if (std::isnan(steps)) return "never";
  const double count = in_unit(cell, steps);
  return fmt::format("{:.{}f}", count, count < 1 ? 2 : 1);
}

std::string optimizer_of(const shard::Row& row) {
  return trial::name_of(
      trial::optimizer_from(nlohmann::json::parse(row.optimizer_json.view())));
}

Line header_of(const Columns& columns) {
  Line header = {"architecture", "data set"};
  if (columns.optimizer) header.emplace_back("optimizer");
  header.insert(header.end(), {"lr", "B"});
  if (columns.training) {
    header.insert(header.end(), {"N", "until", "trial", "epochs", "interval",
                                 "steps", "time", "ms/step"});
  } else {
    header.insert(header.end(),
                  {"epsilon", "trial", "T*", "interval", "time", "ms/step"});
  }
  if (columns.measured) {
    header.emplace_back(columns.training ? "true epochs" : "true T*");
    header.emplace_back("true time");
  }
  header.emplace_back("beyond");
  return header;
}

std::string measured_count(const CellPrediction& cell) {
  const shard::Row& row = cell.row;
  const std::string count = cell.is_whole_training()
                                ? shown(cell, row.steps_run)
                                : fmt::to_string(row.steps_run);
  return row.converged ? count : "> " + count;
}

Line line_of(const CellPrediction& cell, const Columns& columns) {
  const shard::Row& row = cell.row;
  const auto& [lower, upper] = cell.steps_interval();
  const auto time = [](double seconds) {
    return std::isnan(seconds) ? std::string("-") : format_duration(seconds);
  };
  Line line = {row.architecture.str(), row.dataset.str()};
  if (columns.optimizer) line.push_back(optimizer_of(row));
  line.insert(line.end(), {fmt::format("{:g}", row.learning_rate),
                           fmt::to_string(row.batch_size)});
  if (columns.training) {
    line.insert(line.end(), {fmt::to_string(row.samples), end_of(cell)});
  } else {
    line.push_back(fmt::format("{:g}", row.epsilon));
  }
  line.insert(line.end(),
              {fmt::to_string(row.trial), shown(cell, cell.steps()),
               cell.never_ends() ? "-"
                                 : fmt::format("{} - {}", shown(cell, lower),
                                               shown(cell, upper))});
  if (columns.training) {
    line.push_back(cell.never_ends() ? "-"
                                     : fmt::format("{:.0f}", cell.steps()));
  }
  line.insert(line.end(), {time(cell.seconds()),
                           fmt::format("{:.2f}", 1e3 * row.step_seconds)});
  if (cell.measured) {
    line.push_back(measured_count(cell));
    line.push_back(row.converged ? time(cell.measured_seconds()) : "-");
  }
  line.push_back(fmt::format("{}", fmt::join(beyond(cell.prediction), ", ")));
  return line;
}

void print_columns(const std::vector<Line>& lines, std::size_t text_columns) {
  std::vector<std::size_t> widths(lines.front().size());
  for (const Line& line : lines) {
    for (std::size_t j = 0; j < line.size(); ++j) {
      widths[j] = std::max(widths[j], line[j].size());
    }
  }
  for (const Line& line : lines) {
    std::string text;
    for (std::size_t j = 0; j < line.size(); ++j) {
      const bool left = j < text_columns || j + 1 == line.size();
      text += left ? fmt::format("{:<{}}  ", line[j], widths[j])
                   : fmt::format("{:>{}}  ", line[j], widths[j]);
    }
    fmt::print("{}\n", text.substr(0, text.find_last_not_of(' ') + 1));
  }
}

/// "a new kind of network".
std::string what_is_new(predictor::Novelty novelty) {
  switch (novelty) {
    case predictor::Novelty::kind:
      return "a new kind of network";
    case predictor::Novelty::source:
      return "data of a new source";
    case predictor::Novelty::both:
      return "a new kind of network on data of a new source";
    case predictor::Novelty::none:
      break;
  }
  return "kinds of networks and data that it knows";
}

/// The model whose errors say how sure an answer is. The general model says it
/// of the first one's answers for new data, too, and then how likely they are
/// to converge.
predictor::AnsweredBy judged_by(const predictor::Prediction& prediction) {
  return prediction.answered_by == predictor::AnsweredBy::model &&
                 !std::isnan(prediction.convergence)
             ? predictor::AnsweredBy::general
             : prediction.answered_by;
}

/// How good answers of this sort were.
std::string errors_text(predictor::Novelty novelty,
                        const predictor::NoveltyErrors& errors) {
  if (std::isnan(errors.median_factor)) {
    return fmt::format(
        "{}: how far off is not known, since nothing could be "
        "left out",
        what_is_new(novelty));
  }
  std::vector<std::string> left_out;
  if (errors.kinds > 0)
    left_out.push_back(fmt::format("{} kinds", errors.kinds));
  if (errors.sources > 0) {
    left_out.push_back(fmt::format("{} sources", errors.sources));
  }
  std::string text = fmt::format("{}: off by a factor of {:.2f} in the median",
                                 what_is_new(novelty), errors.median_factor);
  if (!left_out.empty()) {
    text += fmt::format(", {} left out in turn", fmt::join(left_out, " and "));
  }
  if (!errors.offsets) {
    text += "; interval not calibrated, since these are too few";
  }
  return text;
}

/// How good the answers of the models without names were for what is as new as
/// the cells.
void print_general_errors(const predictor::Predictors& predictors,
                          const std::vector<CellPrediction>& cells) {
  using predictor::AnsweredBy;
  for (const auto& [criterion, predictor] : predictors) {
    const bool is_epoch = criterion == trial::name_of(trial::EarlyStopping{});
    const char* const general = !cells.front().is_whole_training() ? "general"
                                : is_epoch                         ? "patience"
                                                                   : "loss";
    std::vector<std::pair<AnsweredBy, std::string>> models = {
        {AnsweredBy::general, general}};
    if (predictor.first_steps) {
      models.emplace_back(
          AnsweredBy::first_steps,
          fmt::format("{} steps", predictor.first_steps->steps));
    }
    for (const auto& [answered_by, name] : models) {
      std::set<predictor::Novelty> novelties;
      for (const CellPrediction& cell : cells) {
        if (cell.row.criterion.view() == criterion &&
            judged_by(cell.prediction) == answered_by) {
          novelties.insert(cell.prediction.novelty);
        }
      }
      std::string_view heading = name;
      for (const predictor::Novelty novelty : novelties) {
        fmt::print(
            "{:<8}  {}{}\n", heading, is_epoch ? "best epoch, " : "",
            errors_text(novelty,
                        predictor.general_of(answered_by)->errors.at(novelty)));
        heading = "";
      }
    }
  }
}

/// The most that a training can take.
std::string cap_of(const CellPrediction& cell) {
  const shard::Row& row = cell.row;
  return row.max_epochs > 0 ? fmt::format("{} epochs", row.max_epochs)
                            : fmt::format("{} steps", row.max_steps);
}

/// What the columns of the answers by models without names add to the legend.
void print_uncertain(const std::vector<CellPrediction>& cells) {
  const auto is_reached = [](const CellPrediction& cell) {
    return cell.prediction.answered_by == predictor::AnsweredBy::training &&
           !cell.never_ends();
  };
  if (std::ranges::any_of(cells, is_reached)) {
    fmt::print(
        "exact     where the steps that were taken have reached the threshold "
        "already\n");
  }
  if (std::ranges::any_of(cells, &CellPrediction::never_ends)) {
    fmt::print(
        "never     where the training ended in the steps that were taken, "
        "without\n          getting there: its loss is no number any more\n");
  }
  const auto is_doubtful = [](const CellPrediction& cell) {
    return cell.prediction.convergence < kSure;
  };
  const auto doubtful = std::ranges::count_if(cells, is_doubtful);
  if (doubtful == 0) return;
  const double least = std::ranges::min(cells, {}, [](const auto& cell) {
                         return std::isnan(cell.prediction.convergence)
                                    ? 1
                                    : cell.prediction.convergence;
                       }).prediction.convergence;
  fmt::print(
      "doubtful  {} of {} may not get there within {}: the "
      "lowest probability of\n          getting there is {:.0f} % (--json has "
      "all)\n",
      doubtful, cells.size(), cap_of(cells.front()), 100 * least);
}

void print_meaning(const std::vector<CellPrediction>& cells) {
  if (!cells.front().is_whole_training()) {
    fmt::print(
        "\nT*        optimizer steps on one fixed batch until its loss is "
        "epsilon times the\n          initial loss; not the steps or epochs of "
        "a whole training\n");
    return;
  }
  fmt::print(
      "\nepochs    of a training on N samples: until its training loss is that "
      "share of the\n          initial loss; or until early stopping ends it, "
      "when the validation loss has\n          not improved for so many epochs "
      "(patience). The best epoch is predicted,\n          and the patience "
      "added\n");
}

/// Where the steps were timed, as far as it is known.
std::string place_of(const shard::Row& row) {
  std::string place;
  if (!row.device.view().empty()) {
    place = fmt::format(" on {}", row.device.view());
  }
  if (row.threads > 0) {
    place +=
        fmt::format(" ({} thread{})", row.threads, row.threads == 1 ? "" : "s");
  }
  return place;
}

void print_legend(const predictor::Predictors& predictors,
                  const std::vector<CellPrediction>& cells) {
  const shard::Row& row = cells.front().row;
  print_meaning(cells);
  fmt::print(
      "interval  holds {:g} % of trials like those that the model was fitted "
      "on\n"
      "time      {}{}\n",
      100 * predictors.begin()->second.level,
      cells.front().is_whole_training()
          ? "steps x the time of a step, and the evaluations,"
          : "T* x the time of a step",
      place_of(row));
  fmt::print(
      "assumed   a constant learning rate, no schedule, augmentation, mixed "
      "precision or\n          pretraining\n");
  print_general_errors(predictors, cells);
  print_uncertain(cells);
  const auto is_far = [](const CellPrediction& cell) {
    return cell.prediction.answered_by == predictor::AnsweredBy::model &&
           !beyond(cell.prediction).empty();
  };
  if (std::ranges::none_of(cells, is_far)) return;
  fmt::print(
      "beyond    what the model was not fitted on: there it extrapolates, and "
      "the interval\n          is the wider one of data sets or architectures "
      "that were left out,\n          which may hold fewer trials; of a new "
      "family it says little\n");
}

/// The features of a prediction, the most important first.
void print_features(const predictor::Model& model,
                    const predictor::Prediction& one, std::string_view what) {
  const std::vector<std::string> names = model.features.names();
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t j) {
    return std::abs(one.contributions[j]);
  });
  fmt::print("\nWhat each feature adds to log {}, if {:g} or more:\n", what,
             kLittle);
  fmt::print("{:16}  {:>9}  {:>6}\n", "feature", "value", "adds");
  for (const std::size_t j : order) {
    if (std::abs(one.contributions[j]) < kLittle) break;
    const std::string value = std::isnan(one.features[j])
                                  ? "-"
                                  : fmt::format("{:.3f}", one.features[j]);
    fmt::print("{:16}  {:>9}  {:>+6.2f}\n", names[j], value,
               one.contributions[j]);
  }
  fmt::print("{:16}  {:>9}  {:>+6.2f}\n", "constant", "",
             one.contributions.back());
}

/// Of the trainings that converged: of the others nobody knows the error.
void print_errors(const std::vector<CellPrediction>& cells) {
  double error = 0;
  std::int64_t converged = 0;
  for (const CellPrediction& cell : cells) {
    if (!cell.row.converged || cell.never_ends()) continue;
    error += std::abs(in_unit(cell, cell.steps() - cell.row.t_star));
    ++converged;
  }
  fmt::print("\n");
  if (converged > 0) {
    fmt::print("mean absolute error {:.2f} {}; ",
               error / static_cast<double>(converged),
               cells.front().is_whole_training() ? "epochs" : "steps");
  }
  fmt::print("{} of {} in their interval\n",
             std::ranges::count_if(cells, is_inside), cells.size());
}

}  // namespace

void print_table(const predictor::Predictors& predictors,
                 const GridPrediction& predicted) {
  const std::vector<CellPrediction>& cells = predicted.cells;
  if (cells.empty()) return;
  const Columns columns = {
      .optimizer = std::ranges::any_of(cells,
                                       [](const CellPrediction& cell) {
                                         return optimizer_of(cell.row) !=
                                                trial::AdamW::kName;
                                       }),
      .measured = cells.front().measured,
      .training = cells.front().is_whole_training()};
  std::vector<Line> lines = {header_of(columns)};
  for (const CellPrediction& cell : cells)
    lines.push_back(line_of(cell, columns));
  // Texts are to the left, numbers to the right.
  print_columns(lines, columns.optimizer ? 3 : 2);
  if (columns.measured) print_errors(cells);
  print_legend(predictors, cells);
  if (cells.size() > 1) return;
  const CellPrediction& cell = cells.front();
  const predictor::Predictor& predictor =
      predictors.find(cell.row.criterion.view())->second;
  if (const predictor::Model* const model =
          predictor.model_of(cell.prediction.answered_by)) {
    print_features(*model, cell.prediction,
                   cell.stops_early() ? "(best epoch)" : "T*");
  }
}

}  // namespace cape::prediction
