/// What a trajectory measures, and with which settings.
///
/// A new target is a struct here and an alternative of the variant; the
/// compiler then asks for what the trainer and the rows need of it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>
#include <vector>

namespace cape::trial {

/// Steps on one fixed batch until the loss has fallen to a fraction of the
/// initial loss: docs/trial_protocol.md.
struct BatchSteps {
  static constexpr const char* kName = "batch_steps";
  std::int64_t max_steps = 5000;      ///< losses L_0 ... L_{max_steps-1}
  std::int64_t plateau_window = 200;  ///< losses, the newest included
  double plateau_tolerance = 1e-4;    ///< relative improvement over the window
  /// Losses to record, even where fewer tell every t_star: training goes on to
  /// that many, at most max_steps. Changes no row, so it is no part of a key.
  std::int64_t record_at_least = 0;

  bool operator==(const BatchSteps&) const = default;
};

/// A training on the data set, in mini-batches, until it stops improving.
struct FullTraining {
  static constexpr const char* kName = "full_training";
  static constexpr std::int64_t kLossSamples = 1000;  ///< see loss_samples
  std::int64_t max_epochs = 100;
  /// Training ends after so many epochs without a validation loss that is
  /// below the best one by more than min_delta.
  std::int64_t patience = 5;
  double min_delta = 1e-4;
  std::int64_t validation_samples = 0;  ///< never trained on
  /// > 0: training ends after so many updates, where nothing but epsilons is
  /// asked for: only the first losses are wanted. No row comes of it, so it is
  /// no part of a key.
  std::int64_t stop_after = 0;
  // What follows differs between the trajectories of a grid.
  std::int64_t samples = 0;      ///< N: that are trained on
  std::uint64_t split_seed = 0;  ///< says which ones are for validation

  bool operator==(const FullTraining&) const = default;
};

/// The samples that the training loss is taken on: the first of those drawn.
std::int64_t loss_samples(const FullTraining& training);

/// The updates of an epoch: the last, incomplete mini-batch is left out.
std::int64_t steps_per_epoch(const FullTraining& training,
                             std::int64_t batch_size);

using Target = std::variant<BatchSteps, FullTraining>;

/// The names of the targets, in the order of the variant.
const std::vector<std::string>& target_names();

std::string name_of(const Target& target);

/// The most updates that a trajectory with mini-batches of `batch_size` can
/// take.
std::int64_t max_steps_of(const Target& target, std::int64_t batch_size);

/// {"target": "batch_steps", settings...}.
nlohmann::json to_json(const Target& target);

/// The same without what changes no row, and without what differs between the
/// trajectories of a grid: a part of the key of a trajectory.
nlohmann::json identity_of(const Target& target);

/// The inverse of to_json. Throws nlohmann's exceptions, and Error for a target
/// that this program does not know.
Target target_from(const nlohmann::json& json);

}  // namespace cape::trial
