/// One trajectory: what is to be measured and what was measured. Plain data;
/// trial/protocol.h writes and reads it, src/trainer executes it.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "datasets/user_dataset.h"
#include "datasets/variant.h"
#include "trial/criterion.h"
#include "trial/optimizer.h"
#include "trial/target.h"
#include "zoo/architecture.h"

namespace cape::trial {

/// Part of every key: raised whenever the same settings would give other rows.
inline constexpr int kProtocolVersion = 2;

/// Of what a probe measures: raised when a feature of the probe is added or
/// corrected. It is in no key; `cape_farm --refresh-probes` repeats the probes
/// of rows with an older one.
inline constexpr int kProbeVersion = 4;

struct ProbeSettings {
  bool extended = true;  ///< the features beyond g2 and tau

  bool operator==(const ProbeSettings&) const = default;
};

nlohmann::json to_json(const ProbeSettings& settings);
ProbeSettings probe_settings_from(const nlohmann::json& json);

/// A data set as one run found it.
struct DatasetRef {
  std::string name;         ///< as in the configuration
  std::string directory;    ///< where its files are
  std::string fingerprint;  ///< hash of its decoded content
  datasets::Variant variant = {};
  std::optional<datasets::UserDataset> user = {};  ///< else one that is known

  bool operator==(const DatasetRef&) const = default;
};

/// The head that the data set's task asks of a network.
zoo::Head head_of(const datasets::DatasetInfo& dataset);

/// One of its samples.
zoo::Sample sample_of(const datasets::DatasetInfo& dataset);

struct TrialTask {
  std::string trajectory;  ///< key, 32 hex digits
  zoo::Architecture architecture;
  DatasetRef dataset;
  double learning_rate = 1e-3;
  std::int64_t batch_size = 64;
  Optimizer optimizer;
  Target target;
  std::vector<Criterion> criteria;  ///< those still missing, any order
  std::uint64_t seed = 0;
  ProbeSettings probe;
  /// Nothing: train. Else no criterion is measured: the answer is the probe,
  /// the initial loss as the only loss, and the time of an update, the median
  /// of up to so many.
  std::optional<std::int64_t> timed_steps;

  bool operator==(const TrialTask&) const = default;
};

enum class StopReason { converged, plateau, max_steps, non_finite, max_epochs };

constexpr auto enum_names(StopReason) {
  using enum StopReason;
  return EnumNames{"stop reason", std::to_array<EnumName<StopReason>>(
                                      {{converged, "converged"},
                                       {plateau, "plateau"},
                                       {max_steps, "max_steps"},
                                       {non_finite, "non_finite"},
                                       {max_epochs, "max_epochs"}})};
}

/// What a whole training showed of the validation part after one epoch.
struct Validation {
  double loss = 0;
  double score = 0;  ///< share of right answers; of a regression R^2

  bool operator==(const Validation&) const = default;
};

/// The epoch whose validation loss was the best.
struct BestEpoch {
  std::int64_t epoch = 0;  ///< from 1
  Validation validation;

  bool operator==(const BestEpoch&) const = default;
};

/// The outcome for one criterion.
struct CriterionResult {
  Criterion criterion;
  std::int64_t t_star = 0;  ///< censored: max_steps_of the target
  StopReason stop_reason = StopReason::max_steps;
  std::int64_t steps_run = 0;          ///< the t of final_loss
  double final_loss = 0;               ///< L at t_star; censored: the last loss
  std::optional<BestEpoch> best = {};  ///< of early stopping, once there is one

  bool converged() const { return stop_reason == StopReason::converged; }
  bool operator==(const CriterionResult&) const = default;
};

/// The network as its training begins: BatchNorm takes the statistics of the
/// batch, but dropout is off. docs/trial_protocol.md defines the features of
/// this struct and of the next two; NaN is missing.
struct TrainingModeProbe {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  /// In learning rates.
  static constexpr std::array<int, 4> kStepSizes = {1, 2, 4, 8};

  double loss = kMissing;         ///< L_0, the mean loss
  double mean_g2 = kMissing;      ///< squared norm of the mean loss's gradient
  double gradient_l1 = kMissing;  ///< sum of that gradient's absolute values
  /// The loss after the optimizer's first step, taken k times as far, / L_0.
  std::array<double, 4> step_losses = {kMissing, kMissing, kMissing, kMissing};
  double dropout = kMissing;  ///< 1: some could not be switched off; else 0

  bool operator==(const TrainingModeProbe&) const = default;
};

/// What the batch shows of the data.
struct BatchFeatures {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  double input_rms = kMissing;            ///< root mean square of the inputs
  double effective_rank = kMissing;       ///< of the batch minus its mean
  double neighbour_agreement = kMissing;  ///< 0: chance, 1: same labels always
  double constant_inputs = kMissing;      ///< share of the input features

  bool operator==(const BatchFeatures&) const = default;
};

/// What the names and shapes of the trainable parameters show of the network.
struct NetworkFeatures {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

  double weight_layers = kMissing;      ///< number of layers with a weight
  double convolution_share = kMissing;  ///< of the parameters, as the next two
  double norm_parameters = kMissing;
  double recurrent_weights = kMissing;
  double widest_layer = kMissing;  ///< outputs of the widest hidden layer

  bool operator==(const NetworkFeatures&) const = default;
};

/// What the samples that a whole training is on show of the data, more of them
/// than a batch has.
struct SetFeatures {
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  static constexpr std::int64_t kFew = 100;   ///< samples, at most
  static constexpr std::int64_t kMany = 400;  ///< samples, at most

  static constexpr std::int64_t kKernel = 800;  ///< samples, at most
  /// Natural logarithms of the times of the kernel regression.
  static constexpr std::array<int, 5> kKernelTimes = {0, 2, 4, 6, 8};
  using KernelLosses = std::array<double, kKernelTimes.size()>;

  double agreement_few = kMissing;  ///< as BatchFeatures::neighbour_agreement
  double agreement_many = kMissing;
  double rank_many = kMissing;  ///< as BatchFeatures::effective_rank
  /// Losses of a kernel regression that learns the labels of half of the
  /// samples, on that half and on the other; 1 is what their mean gives.
  KernelLosses kernel_training = all_missing();
  KernelLosses kernel_held_out = all_missing();

  static constexpr KernelLosses all_missing() {
    KernelLosses losses{};
    losses.fill(kMissing);
    return losses;
  }

  bool operator==(const SetFeatures&) const = default;
};

/// Features beyond g2 and tau. The first four are those of evaluation mode.
struct ExtendedProbe {
  double loss = 0;           ///< L_0, the mean loss, in evaluation mode
  double mean_g2 = 0;        ///< squared norm of the mean loss's gradient
  double label_entropy = 0;  ///< of the labels' frequencies, in nats
  double logit_spread = 0;   ///< deviation over the outputs, mean over samples
  TrainingModeProbe training_mode = {};
  BatchFeatures batch = {};
  NetworkFeatures network = {};
  double dropout_rate = NetworkFeatures::kMissing;  ///< the greatest; 0: none
  std::optional<SetFeatures> set = {};              ///< of a whole training

  bool operator==(const ExtendedProbe&) const = default;
};

/// What the untrained network says, in evaluation mode.
struct ProbeResult {
  double g2 = 0;   ///< mean squared norm of the samples' loss gradients
  double tau = 0;  ///< the same of the true-class logits
  std::optional<ExtendedProbe> extended;

  bool operator==(const ProbeResult&) const = default;
};

struct TrialResult {
  std::string trajectory;
  std::int64_t parameters = 0;
  ProbeResult probe;
  double initial_loss = 0;                ///< L_0, training mode
  std::vector<CriterionResult> outcomes;  ///< in the order of the criteria
  double probe_seconds = 0;
  double step_seconds = 0;  ///< wall seconds an update, the mean; NaN: none
  std::string device;
  std::int64_t threads = 1;
  std::vector<float> losses;  ///< L_0, L_1, ...; of a whole training: looks
  /// Of a whole training, one for each epoch.
  std::vector<float> validation_losses = {};
  std::vector<float> validation_scores = {};
  /// Wall seconds in which the validation part is evaluated, the mean.
  double evaluation_seconds = std::numeric_limits<double>::quiet_NaN();
  /// What the user should know of the network, as whole sentences.
  std::vector<std::string> notes = {};
};

}  // namespace cape::trial
