#include "predictor/data/meta_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <tuple>

#include "core/overloaded.h"
#include "datasets/task.h"
#include "predictor/data/matrix.h"
#include "trial/criterion.h"
#include "trial/optimizer.h"
#include "trial/target.h"

namespace cape::predictor {
namespace {

/// All classes are equally likely, a label is present with probability 1/2, or
/// the prediction is the mean of the targets, whose variance is 1.
float chance_loss(const shard::Row& row) {
  using datasets::Task;
  const std::string_view task = row.task.view();
  if (task == to_string(Task::regression)) return 0.5F;
  if (task == to_string(Task::multilabel)) return std::log(2.0F);
  if (row.classes < 2) return std::numeric_limits<float>::quiet_NaN();
  return std::log(static_cast<float>(row.classes));
}

OptimizerTraits traits_of(const trial::Optimizer& optimizer) {
  return std::visit(
      Overloaded{
          [](const trial::AdamW&) { return OptimizerTraits{}; },
          [](const trial::Adam&) { return OptimizerTraits{.is_adam = true}; },
          [](const trial::Sgd& sgd) {
            return OptimizerTraits{.is_sgd = true,
                                   .momentum = static_cast<float>(sgd.momentum),
                                   .nesterov = sgd.nesterov};
          }},
      optimizer);
}

/// `dropout_rate` is the one that the network's description says.
GeneralFeatures general_features(const shard::Row& row, double dropout_rate) {
  const auto narrow = [](double value) { return static_cast<float>(value); };
  const auto log = [](double value) {
    return static_cast<float>(std::log(value));
  };
  return {.loss = narrow(row.train_loss_0),
          .log_g2 = log(row.train_mean_gradient2),
          .log_l1 = log(row.train_gradient_l1),
          .log_steps = {log(row.train_step_loss_1), log(row.train_step_loss_2),
                        log(row.train_step_loss_4), log(row.train_step_loss_8)},
          .log_input_rms = log(row.input_rms),
          .log_effective_rank = log(row.effective_rank),
          .neighbour_agreement = narrow(row.neighbour_agreement),
          .constant_inputs = narrow(row.constant_inputs),
          .log_weight_layers = log(row.weight_layers),
          .log_widest_layer = log(row.widest_layer),
          .convolution_share = narrow(row.convolution_share),
          .norm_parameters = narrow(row.norm_parameters),
          .recurrent_weights = narrow(row.recurrent_weights),
          // Rows of older schemas have no such column.
          .dropout_rate = narrow(
              std::isnan(row.dropout_rate) ? dropout_rate : row.dropout_rate)};
}

std::array<float, 5> narrow(const std::array<double, 5>& values) {
  std::array<float, 5> floats{};
  std::ranges::transform(values, floats.begin(), [](double value) {
    return static_cast<float>(value);
  });
  return floats;
}

TrainingFeatures training_features(const shard::Row& row) {
  const auto log = [](double value) {
    return value > 0 ? static_cast<float>(std::log(value)) : kMissing;
  };
  return {.log_samples = log(static_cast<double>(row.samples)),
          .log_steps_per_epoch = log(row.steps_per_epoch),
          .log_patience = log(row.patience),
          .agreement_100 = static_cast<float>(row.set_agreement_100),
          .agreement_400 = static_cast<float>(row.set_agreement_400),
          .log_rank_400 = static_cast<float>(std::log(row.set_rank_400)),
          .kernel_training =
              narrow({row.set_kernel_training_0, row.set_kernel_training_2,
                      row.set_kernel_training_4, row.set_kernel_training_6,
                      row.set_kernel_training_8}),
          .kernel_held_out =
              narrow({row.set_kernel_held_out_0, row.set_kernel_held_out_2,
                      row.set_kernel_held_out_4, row.set_kernel_held_out_6,
                      row.set_kernel_held_out_8}),
          .min_delta = static_cast<float>(row.min_delta)};
}

/// What is counted, how far the training went at least, and the cap.
struct Counts {
  std::int32_t t_star, steps_run, max_steps;
};

Counts counts_of(const shard::Row& row) {
  // A training that ended before early stopping could have found a better epoch
  // later, but no earlier one.
  if (counts_epochs(row)) {
    return {row.converged ? row.best_epoch : row.max_epochs, row.best_epoch,
            row.max_epochs};
  }
  return {row.t_star, row.steps_run, row.max_steps};
}

}  // namespace

bool counts_epochs(const shard::Row& row) {
  static const std::string kEarlyStopping =
      trial::name_of(trial::EarlyStopping{});
  return row.criterion.view() == kEarlyStopping;
}

bool is_whole_training(const MetaRow& row) {
  return std::isfinite(row.training.log_samples);
}

std::span<const std::size_t> first_steps_of(std::string_view target) {
  const std::span all = kFirstSteps;
  return target == trial::FullTraining::kName ? all.last(1) : all;
}

std::string settings_of(const shard::Row& row) {
  // How long a whole training may take does not change when it gets somewhere:
  // a row that did not get there says that it takes longer.
  if (row.target.view() == trial::FullTraining::kName) {
    std::string settings =
        fmt::format("target={} criterion={} weight_decay={}", row.target.view(),
                    row.criterion.view(), row.weight_decay);
    if (!counts_epochs(row)) return settings;
    return fmt::format("{} min_delta={}", settings, row.min_delta);
  }
  return fmt::format(
      "target={} weight_decay={} max_steps={} plateau_window={} "
      "plateau_tolerance={}",
      row.target.view(), row.weight_decay, row.max_steps, row.plateau_window,
      row.plateau_tolerance);
}

std::uint32_t TextPool::id(std::string_view text) {
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  const auto added = ids_.emplace(std::string(text), number).first;
  texts_.push_back(&added->first);
  return number;
}

std::uint32_t MetaTable::settings_id(const shard::Row& row) {
  const auto settings = [](const shard::Row& of) {
    // Where it is no setting it can be missing, which equals nothing.
    const double min_delta = counts_epochs(of) ? of.min_delta : 0;
    return std::tuple(of.target.view(), of.criterion.view(), of.weight_decay,
                      of.max_steps, of.plateau_window, of.plateau_tolerance,
                      min_delta);
  };
  // Most rows have those of the row before.
  if (!last_settings_ || settings(row) != settings(last_)) {
    last_settings_ = names.id(settings_of(row));
    last_ = row;
  }
  return *last_settings_;
}

void MetaTable::add(const shard::Row& row) {
  const auto [known, is_new_optimizer] =
      optimizers_.try_emplace(row.optimizer_json.view());
  if (is_new_optimizer) {
    try {
      const trial::Optimizer optimizer = trial::optimizer_from(
          nlohmann::json::parse(row.optimizer_json.view()));
      known->second = {names.id(trial::name_of(optimizer)),
                       traits_of(optimizer)};
    } catch (const std::exception&) {  // of a newer program
      known->second = {names.id(row.optimizer.view()), {}};
    }
  }
  const auto narrow = [](double value) { return static_cast<float>(value); };
  const std::uint32_t description = names.id(row.architecture_json.view());
  const auto [network, is_new] = networks_.try_emplace(description);
  if (is_new) {
    const std::string_view json = row.architecture_json.view();
    network->second = {zoo::facts_from(json), names.id(zoo::network_kind(json)),
                       names.id(zoo::network_group(json)),
                       zoo::dropout_rate(json)};
  }
  const double dropout = network->second.dropout_rate;
  const Counts counts = counts_of(row);
  rows.push_back({.trajectory = trajectories.id(row.trajectory.view()),
                  .family = names.id(row.family.view()),
                  .architecture = names.id(row.architecture.view()),
                  .description = description,
                  .dataset = names.id(row.dataset.view()),
                  .variant = names.id(row.variant.view()),
                  .optimizer = known->second.name,
                  .settings = settings_id(row),
                  .kind = network->second.kind,
                  .group = network->second.group,
                  .learning_rate = row.learning_rate,
                  .epsilon = row.epsilon,
                  .input_size = row.input_size,
                  .batch_size = row.batch_size,
                  .log_p = narrow(row.log_p),
                  .log_g2 = narrow(row.log_g2),
                  .log_tau = narrow(row.log_tau),
                  .log_n = narrow(row.log_n),
                  .log_lr = narrow(row.log_lr),
                  .log_b = narrow(row.log_b),
                  .loss = narrow(std::isnan(row.probe_loss) ? row.initial_loss
                                                            : row.probe_loss),
                  .initial_loss = narrow(row.initial_loss),
                  .chance_loss = chance_loss(row),
                  .log_mean_g2 = narrow(row.log_mean_g2),
                  .label_entropy = narrow(row.label_entropy),
                  .classes = row.classes,
                  .t_star = counts.t_star,
                  .steps_run = counts.steps_run,
                  .max_steps = counts.max_steps,
                  .probe_version = row.probe_version,
                  .converged = row.converged,
                  .counts_epochs = counts_epochs(row),
                  .network = network->second.facts,
                  .general = general_features(row, dropout),
                  .training = training_features(row),
                  .optimizer_traits = known->second.traits,
                  .first_losses = {},
                  .first_validation = {}});
  rows.back().first_losses.fill(kMissing);
  rows.back().first_validation.fill(kMissing);
}

const std::string& MetaTable::family(const MetaRow& row) const {
  return names.text(row.family);
}

const std::string& MetaTable::architecture(const MetaRow& row) const {
  return names.text(row.architecture);
}

const std::string& MetaTable::dataset(const MetaRow& row) const {
  return names.text(row.dataset);
}

const std::string& MetaTable::optimizer(const MetaRow& row) const {
  return names.text(row.optimizer);
}

const std::string& MetaTable::settings(const MetaRow& row) const {
  return names.text(row.settings);
}

const std::string& MetaTable::kind(const MetaRow& row) const {
  return names.text(row.kind);
}

std::vector<RowIndex> all_rows(const MetaTable& table) {
  std::vector<RowIndex> rows(table.rows.size());
  std::iota(rows.begin(), rows.end(), RowIndex{0});
  return rows;
}

std::size_t count_trajectories(const MetaTable& table,
                               std::span<const RowIndex> rows) {
  std::vector<bool> seen(table.trajectories.size());
  for (const RowIndex row : rows) seen[table.rows[row].trajectory] = true;
  return static_cast<std::size_t>(std::ranges::count(seen, true));
}

std::int64_t count_censored(const MetaTable& table,
                            std::span<const RowIndex> rows) {
  return std::ranges::count_if(
      rows, [&](RowIndex row) { return !table.rows[row].converged; });
}

std::map<std::string, std::int64_t> count_by(const MetaTable& table,
                                             std::span<const RowIndex> rows,
                                             NameOfRow name) {
  std::map<std::string, std::int64_t> counts;
  for (const RowIndex row : rows) ++counts[(table.*name)(table.rows[row])];
  return counts;
}

RowsByName count_in_family(const MetaTable& table,
                           std::span<const RowIndex> rows, NameOfRow name) {
  RowsByName counts;
  for (const RowIndex i : rows) {
    const MetaRow& row = table.rows[i];
    ++counts[table.family(row)][(table.*name)(row)];
  }
  return counts;
}

}  // namespace cape::predictor
