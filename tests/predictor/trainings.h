/// Made-up rows of whole trainings for the tests of the predictor.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/random.h"
#include "predictor/rows.h"
#include "shard/writer.h"

namespace cape::predictor {

/// A training whose loss was a quarter of its initial value after ten epochs.
inline shard::Row training_row(const std::string& trajectory = "t0") {
  shard::Row row = sample_row(trajectory);
  row.target = "full_training";
  row.samples = 1000;
  row.validation_samples = 100;
  row.steps_per_epoch = 31;
  row.max_epochs = 60;
  row.max_steps = 60 * 31;
  row.plateau_window = 0;
  row.plateau_tolerance = 0;
  row.patience = 5;
  row.min_delta = 1e-4;
  row.epsilon = 0.25;
  row.t_star = row.steps_run = 10 * 31;
  return row;
}

/// What early stopping got of the training of `row`, with this best epoch.
inline shard::Row stopped(shard::Row row, std::int32_t best_epoch) {
  const std::string key = row.key.str() + "s";
  row.key.assign(
      key.substr(key.size() - std::min<std::size_t>(key.size(), 32)));
  row.criterion = "early_stopping";
  row.epsilon = shard::Row::kMissing;
  row.best_epoch = best_epoch;
  row.t_star = row.steps_run =
      (best_epoch + row.patience) * row.steps_per_epoch;
  return row;
}

/// Two rows of a training, of an epsilon and of early stopping. Both take the
/// longer, the later the held-out loss of the kernel regression is least. There
/// are four kinds of networks and four data sets.
inline std::vector<shard::Row> rows_of_training(int number) {
  constexpr std::array kParts = {R"("relu")", R"({"conv":8})",
                                 R"({"residual":[{"linear":8}]})",
                                 R"("batch_norm")"};
  Random random(static_cast<std::uint64_t>(number));
  shard::Row row = training_row(fmt::format("{:032x}", number));
  row.architecture.assign(fmt::format("network {}", number % 4));
  row.architecture_json.assign(
      fmt::format(R"({{"family":"sequential","layers":[{{"linear":8}},{}]}})",
                  kParts.at(static_cast<std::size_t>(number % 4))));
  row.dataset.assign(fmt::format("data {}", number / 4 % 4));
  row.classes = 10;
  row.samples = 500 << number / 16 % 4;
  row.steps_per_epoch = static_cast<std::int32_t>(row.samples / 32);
  row.max_steps = row.max_epochs * row.steps_per_epoch;
  row.log_n = std::log(static_cast<double>(row.samples));
  row.log_p = 10 + 4 * random.uniform();
  row.log_g2 = 2 * random.uniform();
  row.log_lr = std::log(1e-4) + 3 * random.uniform();
  row.train_loss_0 = row.initial_loss = 2.3;
  row.train_mean_gradient2 = std::exp(random.uniform());
  row.train_gradient_l1 = 10 * std::exp(random.uniform());
  row.train_step_loss_1 = 0.5 + 0.4 * random.uniform();
  row.set_agreement_100 = 0.3 + 0.2 * random.uniform();
  row.set_agreement_400 = row.set_agreement_100 + 0.1 * random.uniform();
  const double time = 2 + 4 * random.uniform();
  const auto held_out = [time](double at) {
    return 0.5 + 0.02 * (at - time) * (at - time);
  };
  row.set_kernel_held_out_0 = held_out(0);
  row.set_kernel_held_out_2 = held_out(2);
  row.set_kernel_held_out_4 = held_out(4);
  row.set_kernel_held_out_6 = held_out(6);
  row.set_kernel_held_out_8 = held_out(8);
  const double epochs = std::exp(0.6 + 0.4 * time);
  row.t_star = row.steps_run =
      static_cast<std::int32_t>(epochs / 2 * row.steps_per_epoch);
  return {row, stopped(row, static_cast<std::int32_t>(std::lround(epochs)))};
}

/// The table of so many trainings, with the rows of one criterion.
inline MetaTable table_of_trainings(int count, const std::string& criterion) {
  MetaTable table;
  for (int i = 0; i < count; ++i) {
    for (const shard::Row& row : rows_of_training(i)) {
      if (row.criterion.view() == criterion) table.add(row);
    }
  }
  return table;
}

/// A validation loss for each epoch, least after the best one.
inline std::vector<float> validation_losses_of(const shard::Row& stopping) {
  std::vector<float> losses;
  for (int epoch = 1; epoch <= stopping.best_epoch + 5; ++epoch) {
    losses.push_back(
        1 + 0.1F * static_cast<float>(std::abs(epoch - stopping.best_epoch)));
  }
  return losses;
}

/// The losses after the first 40 updates, on the way to epsilon at t_star.
inline std::vector<float> losses_of(const shard::Row& row) {
  std::vector<float> losses;
  const double rate = -std::log(row.epsilon) / row.t_star;
  for (int t = 0; t <= 40; ++t) {
    losses.push_back(static_cast<float>(2 * std::exp(-rate * t)));
  }
  return losses;
}

/// A folder with a shard of both rows of so many trainings, with their curves.
inline void write_trainings(const std::filesystem::path& folder, int count) {
  std::filesystem::create_directories(folder);
  shard::ShardWriter writer(
      {.directory = folder, .prefix = "trainings", .provenance = {}});
  for (int i = 0; i < count; ++i) {
    const std::vector<shard::Row> rows = rows_of_training(i);
    shard::Curve validation(validation_losses_of(rows[1]));
    for (std::int32_t& step : validation.steps) {
      step = (step + 1) * rows[1].steps_per_epoch;
    }
    writer.add(rows, {shard::Curve(losses_of(rows[0])), validation});
  }
  writer.flush();
}

}  // namespace cape::predictor
