#include "prediction/read_probes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/json.h"
#include "datasets/task.h"
#include "datasets/variant.h"
#include "trial/criterion.h"
#include "trial/optimizer.h"
#include "trial/target.h"
#include "zoo/facts.h"

namespace cape::prediction {
namespace {

using nlohmann::json;
using shard::Column;
using shard::ColumnType;
using shard::Row;

/// Beside the columns: the losses L_0, L_1, ... of the training.
constexpr std::string_view kFirstLosses = "first_losses";

/// Columns that say how a training came out, or where its curve is: a row of a
/// shard may be handed over as it is.
constexpr std::array<std::string_view, 15> kOutcomes = {"key",
                                                        "final_loss",
                                                        "t_star",
                                                        "converged",
                                                        "stop_reason",
                                                        "steps_run",
                                                        "epochs",
                                                        "best_epoch",
                                                        "seed",
                                                        "validation_loss",
                                                        "curve_offset",
                                                        "validation_accuracy",
                                                        "curve_length",
                                                        "validation_offset",
                                                        "validation_length"};

/// Without these nothing can be predicted.
constexpr std::array<std::string_view, 5> kRequired = {
    "learning_rate", "batch_size", "log_p", "log_g2", "log_tau"};

/// Between what the numbers of a probe lie; others may be any.
struct Range {
  std::string_view column;
  double low;
  double high = std::numeric_limits<double>::infinity();
};
constexpr std::array<Range, 17> kRanges = {
    {{"step_seconds", 0},
     {"evaluation_seconds", 0},
     {"probe_seconds", 0},
     {"label_entropy", 0},
     {"logit_spread", 0},
     {"input_rms", 0},
     {"effective_rank", 0},
     {"neighbour_agreement", -std::numeric_limits<double>::infinity(), 1},
     {"constant_inputs", 0, 1},
     {"weight_layers", 0},
     {"widest_layer", 0},
     {"convolution_share", 0, 1},
     {"norm_parameters", 0, 1},
     {"recurrent_weights", 0, 1},
     {"probe_dropout", 0, 1},
     {"dropout_rate", 0, 1},
     {"plateau_window", 0}}};

/// Columns of whole trainings alone.
constexpr std::array<std::string_view, 5> kOfTrainings = {
    "samples", "patience", "max_epochs", "steps_per_epoch",
    "validation_samples"};

bool contains(const auto& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

const Column* find_column(std::string_view name) {
  const auto columns = shard::columns();
  const auto found = std::ranges::find(columns, name, &Column::name);
  return found == columns.end() ? nullptr : &*found;
}

/// How a value is shown in a message: not a whole file.
std::string shown(const json& value) {
  constexpr std::size_t kMost = 60;
  std::string text = to_text(value);
  if (text.size() > kMost) text = text.substr(0, kMost) + "...";
  return text;
}

double number(std::string_view key, const json& value) {
  if (!value.is_number()) {
    fail_user("{} must be a number (found {})", key, shown(value));
  }
  return value.get<double>();
}

template <class Integer>
Integer integer(std::string_view key, const json& value) {
  using Limits = std::numeric_limits<Integer>;
  const bool is_too_large =
      value.is_number_unsigned() &&
      value.get<std::uint64_t>() > static_cast<std::uint64_t>(Limits::max());
  if (!value.is_number_integer() || is_too_large ||
      value.get<std::int64_t>() < Limits::min()) {
    fail_user("{} must be a whole number of at most {} (found {})", key,
              Limits::max(), shown(value));
  }
  return value.get<Integer>();
}

/// Descriptions in JSON may be objects, too.
std::string text(std::string_view key, const json& value) {
  const bool is_description = key.ends_with("_json") || key == "variant";
  if (is_description && value.is_object()) return value.dump();
  if (!value.is_string()) {
    fail_user("{} must be a text{} (found {})", key,
              is_description ? " or an object" : "", shown(value));
  }
  return value.get<std::string>();
}

template <class T>
void put(const Column& column, T value, Row& row) {
  std::memcpy(reinterpret_cast<char*>(&row) + column.offset, &value,
              sizeof(value));
}

/// A null leaves the row's default.
void set_column(const Column& column, const json& value, Row& row) {
  if (value.is_null()) return;
  char* const at = reinterpret_cast<char*>(&row) + column.offset;
  switch (column.type) {
    case ColumnType::float64:
      return put(column, number(column.name, value), row);
    case ColumnType::int32:
      return put(column, integer<std::int32_t>(column.name, value), row);
    case ColumnType::int64:
    case ColumnType::uint64:
      return put(column, integer<std::int64_t>(column.name, value), row);
    case ColumnType::boolean:
      if (!value.is_boolean()) {
        fail_user("{} must be true or false (found {})", column.name,
                  shown(value));
      }
      return put(column, value.get<bool>(), row);
    case ColumnType::key:
      reinterpret_cast<shard::Key*>(at)->assign(text(column.name, value));
      return;
    case ColumnType::text:
      reinterpret_cast<shard::Text*>(at)->assign(text(column.name, value));
      return;
  }
}

void require_range(std::string_view key, double value, bool holds,
                   std::string_view range) {
  if (!holds) fail_user("{} must be {} (found {})", key, range, value);
}

/// One line.
class ProbeLine {
 public:
  explicit ProbeLine(json line) : line_(std::move(line)) {
    if (!line_.is_object()) {
      fail_user("a probe is an object {{\"log_p\": ..., ...}} (found {})",
                shown(line_));
    }
  }

  bool has(std::string_view key) const {
    const auto found = line_.find(key);
    return found != line_.end() && !found->is_null();
  }
  bool mentions(std::string_view key) const {
    return line_.find(key) != line_.end();
  }

  /// The row without its criterion.
  Row row(const std::string& target) const;

  /// A row for each epsilon, or of early stopping for each patience.
  std::vector<Row> rows(const std::string& target) const;

  /// L_0, L_1, ...; a null is a loss that is not finite.
  std::optional<predictor::FirstLosses> first_losses() const;

 private:
  void require(std::string_view key) const {
    if (!has(key)) fail_user("{} is missing", key);
  }
  bool may_be_list(std::string_view key, std::string_view criterion) const {
    return key == "epsilon" ||
           (key == "patience" &&
            criterion == trial::name_of(trial::EarlyStopping{}));
  }
  std::string criterion() const {
    std::string epsilon = trial::name_of(trial::Epsilon{});
    if (!has("criterion")) return epsilon;
    std::string name = text("criterion", line_.at("criterion"));
    const std::string stopping = trial::name_of(trial::EarlyStopping{});
    if (name != epsilon && name != stopping) {
      fail_user("no criterion '{}'; there are: {}, {}", name, epsilon,
                stopping);
    }
    return name;
  }
  void check_target(const Row& row) const;
  void add_optimizer(Row& row) const;
  void add_variant(Row& row) const;
  void add_settings(Row& row) const;
  /// A column that follows from others must be what it follows from.
  void derive(std::string_view key, double expected, double& value) const;
  std::vector<json> values_of(std::string_view key) const;

  json line_;
};

Row ProbeLine::row(const std::string& target) const {
  Row row;
  row.target.assign(target);
  const std::string criterion = this->criterion();
  for (const auto& [key, value] : line_.items()) {
    if (key == kFirstLosses || contains(kOutcomes, key) ||
        may_be_list(key, criterion)) {
      continue;
    }
    const Column* const column = find_column(key);
    if (column == nullptr) {
      fail_user("unknown key '{}'; docs/probe_format.md has all keys", key);
    }
    set_column(*column, value, row);
  }
  for (const Range& range : kRanges) {
    if (!has(range.column)) continue;
    const double value = number(range.column, line_.at(range.column));
    require_range(range.column, value,
                  value >= range.low && value <= range.high,
                  fmt::format("between {} and {}", range.low, range.high));
  }
  row.criterion.assign(criterion);
  for (const std::string_view key : kRequired) require(key);
  require_range("learning_rate", row.learning_rate, row.learning_rate > 0,
                "above 0");
  require_range("batch_size", row.batch_size, row.batch_size >= 1,
                "at least 1");
  require_range("classes", row.classes, row.classes >= 0, "at least 0");
  require_range("input_size", static_cast<double>(row.input_size),
                row.input_size >= 0, "at least 0");
  derive("log_lr", std::log(row.learning_rate), row.log_lr);
  derive("log_b", std::log(static_cast<double>(row.batch_size)), row.log_b);
  if (has("task")) {
    (void)parse_enum<datasets::Task>(row.task.view());
  }
  check_target(row);
  add_variant(row);
  add_optimizer(row);
  add_settings(row);
  return row;
}

void ProbeLine::check_target(const Row& row) const {
  if (!contains(trial::target_names(), row.target.view())) {
    fail_user("no target '{}'; there are: {}", row.target.view(),
              fmt::join(trial::target_names(), ", "));
  }
  if (row.target.view() == trial::FullTraining::kName) return;
  for (const std::string_view key : kOfTrainings) {
    if (has(key) && line_.at(key) != 0) {
      fail_user("{} is for the target {}, not for {}", key,
                trial::FullTraining::kName, row.target.view());
    }
  }
  if (row.criterion.view() != trial::name_of(trial::Epsilon{})) {
    fail_user("the criterion {} is for the target {}, not for {}",
              row.criterion.view(), trial::FullTraining::kName,
              row.target.view());
  }
}

/// How the data differ from a data set's own; somebody's own data do not.
void ProbeLine::add_variant(Row& row) const {
  datasets::Variant variant;
  if (!row.variant.view().empty()) {
    try {
      variant = datasets::variant_from(json::parse(row.variant.view()));
    } catch (const json::exception&) {
      fail_user(
          "variant must be an object like {{\"label_noise\": 0.1}} (found "
          "{})",
          row.variant.view());
    }
  }
  constexpr std::int64_t kMostPixels = 1'000'000;
  require_range("lowres", static_cast<double>(variant.lowres),
                variant.lowres >= 1 && variant.lowres <= kMostPixels,
                "between 1 and 1000000");
  if (!has("label_noise")) row.label_noise = variant.label_noise;
  if (!has("lowres")) row.lowres = static_cast<std::int32_t>(variant.lowres);
  if (!has("inverted")) row.inverted = variant.invert;
  if (!has("input_scale")) row.input_scale = variant.scale;
  if (!has("input_noise")) row.input_noise = variant.noise;
}

void ProbeLine::add_optimizer(Row& row) const {
  json description = {{"kind", row.optimizer.view()}};
  if (has("optimizer_json")) {
    description = json::parse(row.optimizer_json.view(), nullptr,
                              /*allow_exceptions=*/false);
    if (!description.is_object()) {
      fail_user("optimizer_json must be an object (found {})",
                row.optimizer_json.view());
    }
  }
  const trial::Optimizer optimizer = trial::optimizer_from(description);
  const std::string kind = trial::kind_of(optimizer);
  if (has("optimizer") && row.optimizer.view() != kind) {
    fail_user("optimizer is {}, but optimizer_json is that of {}",
              row.optimizer.view(), kind);
  }
  row.optimizer.assign(kind);
  row.optimizer_json.assign(trial::identity_of(optimizer).dump());
  if (!has("weight_decay")) {
    row.weight_decay = trial::weight_decay_of(optimizer);
  }
  require_range("weight_decay", row.weight_decay, row.weight_decay >= 0,
                "at least 0");
}

void ProbeLine::add_settings(Row& row) const {
  if (row.target.view() != trial::FullTraining::kName) {
    require_range("max_steps", row.max_steps, row.max_steps >= 1, "at least 1");
    return;
  }
  require("samples");
  const trial::FullTraining defaults;
  if (!has("max_epochs")) {
    row.max_epochs = static_cast<std::int32_t>(defaults.max_epochs);
  }
  if (!has("patience")) {
    row.patience = static_cast<std::int32_t>(defaults.patience);
  }
  if (!has("min_delta")) row.min_delta = defaults.min_delta;
  require_range("samples", static_cast<double>(row.samples),
                row.samples >= row.batch_size, "at least batch_size");
  require_range("max_epochs", row.max_epochs, row.max_epochs >= 1,
                "at least 1");
  require_range("min_delta", row.min_delta, row.min_delta >= 0, "at least 0");
  const std::int64_t epoch = row.samples / row.batch_size;
  const std::int64_t most = std::numeric_limits<std::int32_t>::max();
  require_range("samples", static_cast<double>(row.samples),
                epoch <= most / row.max_epochs,
                "so few that all steps are at most 2147483647");
  row.steps_per_epoch = static_cast<std::int32_t>(epoch);
  row.max_steps = row.steps_per_epoch * row.max_epochs;
  // The plateau rule is that of the other target.
  row.plateau_window = 0;
  row.plateau_tolerance = 0;
}

void ProbeLine::derive(std::string_view key, double expected,
                       double& value) const {
  constexpr double kRounding = 1e-5;
  if (has(key) && !(std::abs(value - expected) <= kRounding)) {
    fail_user("{} is {}, but from the other columns it follows that it is {}",
              key, value, expected);
  }
  value = expected;
}

std::vector<json> ProbeLine::values_of(std::string_view key) const {
  require(key);
  const json& value = line_.at(std::string(key));
  if (!value.is_array()) return {value};
  if (value.empty()) fail_user("{} is an empty list", key);
  return {value.begin(), value.end()};
}

std::vector<Row> ProbeLine::rows(const std::string& target) const {
  const Row row = this->row(target);
  std::vector<Row> rows;
  if (row.criterion.view() == trial::name_of(trial::Epsilon{})) {
    for (const json& value : values_of("epsilon")) {
      rows.push_back(row);
      double& epsilon = rows.back().epsilon;
      epsilon = number("epsilon", value);
      require_range("epsilon", epsilon, epsilon > 0 && epsilon < 1,
                    "between 0 and 1");
    }
  } else {
    if (has("epsilon")) fail_user("epsilon is for the criterion epsilon");
    const std::vector<json> patiences = has("patience")
                                            ? values_of("patience")
                                            : std::vector<json>{row.patience};
    for (const json& value : patiences) {
      rows.push_back(row);
      rows.back().patience = integer<std::int32_t>("patience", value);
    }
  }
  if (row.target.view() == trial::FullTraining::kName) {
    for (const Row& one : rows) {
      require_range("patience", one.patience, one.patience >= 1, "at least 1");
    }
  }
  return rows;
}

std::optional<predictor::FirstLosses> ProbeLine::first_losses() const {
  if (!has(kFirstLosses)) return std::nullopt;
  const json& values = line_.at(std::string(kFirstLosses));
  predictor::FirstLosses losses;
  losses.fill(std::numeric_limits<float>::quiet_NaN());
  if (!values.is_array() || values.empty() || values.size() > losses.size()) {
    fail_user("{} must be a list of 1 to {} losses (found {})", kFirstLosses,
              losses.size(), shown(values));
  }
  for (std::size_t t = 0; t < values.size(); ++t) {
    // Infinite is something else than missing: the training has ended there.
    if (t > 0 && std::isinf(losses[t - 1])) {
      fail_user(
          "{}: nothing follows a null, where the training has ended (found {} "
          "behind it)",
          kFirstLosses, shown(values[t]));
    }
    losses[t] = values[t].is_null()
                    ? std::numeric_limits<float>::infinity()
                    : static_cast<float>(number(kFirstLosses, values[t]));
  }
  return losses;
}

/// What a prediction for the row is worse without, or lacks its seconds.
bool is_expected(const Column& column, const Row& row, bool is_training) {
  if (column.name == "dropout_rate") {
    return std::isnan(zoo::dropout_rate(row.architecture_json.view()));
  }
  if (column.name.starts_with("set_")) return is_training;
  if (column.name == "evaluation_seconds") return is_training;
  constexpr std::array<std::string_view, 5> kOthers = {
      "task", "classes", "input_size", "initial_loss", "step_seconds"};
  return contains(kOthers, column.name) ||
         (column.stability == shard::Stability::probe &&
          column.type == ColumnType::float64);
}

/// The target of a line, which must be that of the lines before.
std::string target_of(const ProbeLine& probe, const json& line,
                      const std::string& before) {
  if (!probe.has("target")) {
    return before.empty() ? std::string(trial::BatchSteps::kName) : before;
  }
  std::string target = text("target", line.at("target"));
  if (!before.empty() && target != before) {
    fail_user(
        "the target is {}, but {} is asked for or was so far; ask for "
        "one at a time",
        target, before);
  }
  return target;
}

/// The number of steps whose losses are known: all where one is infinite, which
/// no step follows.
std::size_t steps_reached(const predictor::FirstLosses& losses) {
  if (std::ranges::any_of(losses, [](float l) { return std::isinf(l); })) {
    return losses.size() - 1;
  }
  const auto end =
      std::ranges::find_if(losses, [](float loss) { return std::isnan(loss); });
  return static_cast<std::size_t>(end - losses.begin()) - 1;
}

void add_line(const std::string& line, ProbedCells& probed) {
  const json parsed = json::parse(line);
  const ProbeLine probe(parsed);
  probed.target = target_of(probe, parsed, probed.target);
  const auto losses = probe.first_losses();
  for (const Row& row : probe.rows(probed.target)) {
    probed.cells.push_back(
        {.row = row, .prediction = {}, .first_losses = losses});
  }
  ++probed.probes;
  if (!probed.cells.back().stops_early()) {
    ++probed.with_epsilon;
    if (losses) ++probed.with_first_losses[steps_reached(*losses)];
  }
  const bool is_training = probed.target == trial::FullTraining::kName;
  const Row& row = probed.cells.back().row;
  for (const Column& column : shard::columns()) {
    if (!probe.mentions(column.name) && is_expected(column, row, is_training)) {
      ++probed.absent[std::string(column.name)];
    }
  }
}

}  // namespace

ProbedCells read_probes(std::istream& stream, const std::string& source,
                        const std::string& target) {
  ProbedCells probed;
  probed.target = target;
  std::string line;
  for (std::int64_t number = 1; std::getline(stream, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    try {
      add_line(line, probed);
    } catch (const json::out_of_range& error) {
      fail_user("{}:{}: a number is too large; what is not finite is null ({})",
                source, number, error.what());
    } catch (const json::exception& error) {
      fail_user(
          "{}:{}: no JSON object in one line ({}); what is missing or not "
          "finite is null",
          source, number, error.what());
    } catch (const Error& error) {
      fail_user("{}:{}: {}", source, number, error.what());
    }
  }
  if (stream.bad()) fail_user("{} cannot be read", source);
  if (probed.probes == 0) {
    fail_user(
        "{} has no probe; each line is one, as docs/probe_format.md has "
        "it",
        source);
  }
  return probed;
}

}  // namespace cape::prediction
