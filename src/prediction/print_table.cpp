#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/units.h"
#include "prediction/print.h"
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
  return cell.prediction.interval.lower <= cell.row.t_star &&
         cell.row.t_star <= cell.prediction.interval.upper;
}

/// The columns that a table has beside those of every table.
struct Columns {
  bool optimizer = false;  ///< where one of them is not AdamW
  bool measured = false;
};

std::string optimizer_of(const shard::Row& row) {
  return trial::name_of(
      trial::optimizer_from(nlohmann::json::parse(row.optimizer_json.view())));
}

Line header_of(const Columns& columns) {
  Line header = {"architecture", "data set"};
  if (columns.optimizer) header.emplace_back("optimizer");
  header.insert(header.end(), {"lr", "B", "epsilon", "trial", "T*", "interval",
                               "time", "ms/step"});
  if (columns.measured) header.insert(header.end(), {"true T*", "true time"});
  header.emplace_back("beyond");
  return header;
}

Line line_of(const CellPrediction& cell, const Columns& columns) {
  const shard::Row& row = cell.row;
  const predictor::Prediction& prediction = cell.prediction;
  const auto time = [](double seconds) {
    return std::isnan(seconds) ? std::string("-") : format_duration(seconds);
  };
  Line line = {row.architecture.str(), row.dataset.str()};
  if (columns.optimizer) line.push_back(optimizer_of(row));
  line.insert(
      line.end(),
      {fmt::format("{:g}", row.learning_rate), fmt::to_string(row.batch_size),
       fmt::format("{:g}", row.epsilon), fmt::to_string(row.trial),
       fmt::format("{:.1f}", prediction.steps),
       fmt::format("{:.1f} - {:.1f}", prediction.interval.lower,
                   prediction.interval.upper),
       time(cell.seconds()), fmt::format("{:.2f}", 1e3 * row.step_seconds)});
  if (cell.measured) {
    line.push_back(row.converged ? fmt::to_string(row.t_star)
                                 : fmt::format("> {}", row.steps_run));
    line.push_back(row.converged ? time(row.t_star * row.step_seconds) : "-");
  }
  line.push_back(fmt::format("{}", fmt::join(beyond(prediction), ", ")));
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
void print_general_errors(const predictor::Predictor& predictor,
                          const std::vector<CellPrediction>& cells) {
  using predictor::AnsweredBy;
  for (const auto& [answered_by, name] :
       {std::pair(AnsweredBy::general, "general"),
        std::pair(AnsweredBy::first_steps, "8 steps")}) {
    std::set<predictor::Novelty> novelties;
    for (const CellPrediction& cell : cells) {
      if (cell.prediction.answered_by == answered_by) {
        novelties.insert(cell.prediction.novelty);
      }
    }
    const char* heading = name;
    for (const predictor::Novelty novelty : novelties) {
      fmt::print(
          "{:<8}  {}\n", heading,
          errors_text(novelty,
                      predictor.general_of(answered_by)->errors.at(novelty)));
      heading = "";
    }
  }
}

/// What the columns of the answers by models without names add to the legend.
void print_uncertain(const std::vector<CellPrediction>& cells) {
  const auto is = [](predictor::AnsweredBy answered_by) {
    return [=](const CellPrediction& cell) {
      return cell.prediction.answered_by == answered_by;
    };
  };
  if (std::ranges::any_of(cells, is(predictor::AnsweredBy::training))) {
    fmt::print(
        "exact     where the 8 steps that were taken have reached the "
        "threshold "
        "already\n");
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
      "doubtful  {} of {} may not get there within {} steps: the "
      "lowest probability of\n          getting there is {:.0f} % (--json has "
      "all)\n",
      doubtful, cells.size(), cells.front().row.max_steps, 100 * least);
}

void print_legend(const predictor::Predictor& predictor,
                  const std::vector<CellPrediction>& cells) {
  const shard::Row& row = cells.front().row;
  fmt::print(
      "\nT*        optimizer steps on one fixed batch until its loss is "
      "epsilon "
      "times the\n          initial loss; not the steps or epochs of a whole "
      "training\n"
      "interval  holds {:g} % of trials like those that the model was fitted "
      "on\n"
      "time      T* x the time of a step on {} ({} thread{})\n",
      100 * predictor.level, row.device.view(), row.threads,
      row.threads == 1 ? "" : "s");
  fmt::print(
      "assumed   a constant learning rate, no schedule, augmentation, mixed "
      "precision or\n          pretraining\n");
  print_general_errors(predictor, cells);
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
                    const predictor::Prediction& one) {
  const std::vector<std::string> names = model.features.names();
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, std::greater(), [&](std::size_t j) {
    return std::abs(one.contributions[j]);
  });
  fmt::print("\nWhat each feature adds to log T*, if {:g} or more:\n", kLittle);
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

void print_errors(const std::vector<CellPrediction>& cells) {
  double error = 0;
  for (const CellPrediction& cell : cells) {
    error += std::abs(cell.prediction.steps - cell.row.t_star);
  }
  fmt::print("\nmean absolute error {:.2f} steps; {} of {} in their interval\n",
             error / static_cast<double>(cells.size()),
             std::ranges::count_if(cells, is_inside), cells.size());
}

}  // namespace

void print_table(const predictor::Predictor& predictor,
                 const GridPrediction& predicted) {
  const std::vector<CellPrediction>& cells = predicted.cells;
  if (cells.empty()) return;
  const Columns columns = {
      .optimizer = std::ranges::any_of(cells,
                                       [](const CellPrediction& cell) {
                                         return optimizer_of(cell.row) !=
                                                trial::AdamW::kName;
                                       }),
      .measured = cells.front().measured};
  std::vector<Line> lines = {header_of(columns)};
  for (const CellPrediction& cell : cells)
    lines.push_back(line_of(cell, columns));
  // Texts are to the left, numbers to the right.
  print_columns(lines, columns.optimizer ? 3 : 2);
  if (columns.measured) print_errors(cells);
  print_legend(predictor, cells);
  if (cells.size() > 1) return;
  const predictor::Prediction& one = cells.front().prediction;
  if (const predictor::Model* const model =
          predictor.model_of(one.answered_by)) {
    print_features(*model, one);
  }
}

}  // namespace cape::prediction
