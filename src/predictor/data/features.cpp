#include "predictor/data/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace cape::predictor {
namespace {

constexpr std::string_view kTrainingModeSteps = "training-mode steps";

float log_log_epsilon(const MetaRow& row) {
  return static_cast<float>(std::log(-std::log(row.epsilon)));
}

/// 0 for a network whose output is the same for all samples.
float log_loss_ratio(const MetaRow& row) {
  return std::log(row.loss / row.chance_loss);
}

float log_input_size(const MetaRow& row) {
  return row.input_size < 1 ? kMissing
                            : std::log(static_cast<float>(row.input_size));
}

float log_classes(const MetaRow& row) {
  return row.classes < 1 ? kMissing : std::log(static_cast<float>(row.classes));
}

template <class Architecture>
float is_kind(const MetaRow& row) {
  return row.network.kind == zoo::kKindOf<Architecture> ? 1 : 0;
}

std::vector<Feature> paper_features() {
  using Row = MetaRow;
  return {
      {"log_p", "log_p", [](const Row& row) { return row.log_p; },
       Evidence::architectures},
      {"log_g2", "log_g2", [](const Row& row) { return row.log_g2; }},
      {"log_tau", "log_tau", [](const Row& row) { return row.log_tau; }},
      {"log_n", "log_n", [](const Row& row) { return row.log_n; }},
      {"log_lr", "log_lr", [](const Row& row) { return row.log_lr; }},
      {"log_b", "log_b", [](const Row& row) { return row.log_b; }},
  };
}

std::vector<Feature> more_features() {
  using Row = MetaRow;
  return {
      {"log_log_epsilon", "epsilon", log_log_epsilon},
      {"log_input_size", "input size", log_input_size, Evidence::datasets},
      {"log_loss_ratio", "initial loss", log_loss_ratio, Evidence::none},
      {"log_classes", "classes", log_classes, Evidence::none},
      {"alignment", "alignment",
       [](const Row& row) { return row.log_mean_g2 - row.log_g2; },
       Evidence::none, true},
      {"label_entropy", "label entropy",
       [](const Row& row) { return row.label_entropy; }, Evidence::none, true},
      {"is_adam", "optimizer",
       [](const Row& row) { return row.optimizer_traits.is_adam ? 1.F : 0.F; }},
      {"is_sgd", "optimizer",
       [](const Row& row) { return row.optimizer_traits.is_sgd ? 1.F : 0.F; }},
      {"momentum", "optimizer",
       [](const Row& row) { return row.optimizer_traits.momentum; }},
      {"nesterov", "optimizer",
       [](const Row& row) {
         return row.optimizer_traits.nesterov ? 1.F : 0.F;
       }},
      {"depth", "architecture",
       [](const Row& row) { return row.network.depth; },
       Evidence::architectures},
      {"log_width", "architecture",
       [](const Row& row) { return std::log(row.network.width); },
       Evidence::architectures},
      {"is_vgg_lite", "architecture", is_kind<zoo::VggLite>,
       Evidence::architectures},
      {"is_resnet_mini", "architecture", is_kind<zoo::ResnetMini>,
       Evidence::architectures},
      {"is_mobilenet", "architecture", is_kind<zoo::MobilenetMini>,
       Evidence::architectures},
      {"is_lstm", "architecture", is_kind<zoo::Lstm>, Evidence::architectures},
      {"is_gru", "architecture", is_kind<zoo::Gru>, Evidence::architectures},
      {"is_cct", "architecture", is_kind<zoo::Cct>, Evidence::architectures},
      {"is_vit", "architecture", is_kind<zoo::Vit>, Evidence::architectures},
      {"is_pit", "architecture", is_kind<zoo::Pit>, Evidence::architectures},
      {"pool", "architecture",
       [](const Row& row) { return row.network.pool ? 1.F : 0.F; },
       Evidence::architectures},
      {"bidirectional", "architecture",
       [](const Row& row) { return row.network.bidirectional ? 1.F : 0.F; },
       Evidence::architectures},
  };
}

/// The relative decrease of the loss that the gradient promises for the first
/// step: AdamW and Adam take a step of eta in every parameter, gradient descent
/// one of eta times the gradient.
float log_promised_decrease(const MetaRow& row) {
  const float gradient =
      row.optimizer_traits.is_sgd ? row.general.log_g2 : row.general.log_l1;
  return row.log_lr + gradient - std::log(row.general.loss);
}

/// How much dropout changes the first loss, as a logarithm. Nothing else of a
/// network shows whether it has dropout, and with it losses fall more slowly.
/// The least value stands for none.
float log_loss_noise(const MetaRow& row) {
  constexpr float kLeast = 1e-5F;
  const float noise = std::abs(std::log(row.initial_loss / row.general.loss));
  return std::isnan(noise) ? kMissing : std::log(std::max(noise, kLeast));
}

/// The logarithm of the rate at which the loss falls, from the logarithm of
/// what is left of it after so many steps; rates below the least count as that.
float log_rate(float log_ratio, int steps) {
  constexpr float kLeastRate = 0.003F;
  return std::isnan(log_ratio) ? kMissing
                               : std::log(std::max(-log_ratio, kLeastRate) /
                                          static_cast<float>(steps));
}

/// The rate at which the loss falls over a step k times as long as the first.
template <int Place>
float log_step_rate(const MetaRow& row) {
  return log_rate(row.general.log_steps[Place], 1 << Place);
}

/// The logarithm of the steps to epsilon at the rate of log_step_rate.
template <int Place>
float log_step_time(const MetaRow& row) {
  return log_log_epsilon(row) - log_step_rate<Place>(row);
}

/// Of the training's own losses from step `From` to step `To`.
template <int From, int To>
float log_loss_rate(const MetaRow& row) {
  return log_rate(std::log(row.first_losses[To] / row.first_losses[From]),
                  To - From);
}

/// The relative loss after `Steps` updates.
template <int Steps>
float log_loss(const MetaRow& row) {
  return std::log(row.first_losses[Steps] / row.first_losses[0]);
}

/// The logarithm of what is left of the way to epsilon, on the scale of the
/// logarithm of the loss, after `Steps` updates.
template <int Steps>
float log_left(const MetaRow& row) {
  constexpr float kLeast = 0.001F;
  const float left =
      log_loss<Steps>(row) - std::log(static_cast<float>(row.epsilon));
  return std::isnan(left) ? kMissing : std::log(std::max(left, kLeast));
}

/// What any network and any data show of themselves.
std::vector<Feature> general_features() {
  using Row = MetaRow;
  // Rates and times of the loss follow the steps on any data; what a batch or
  // the tensors show has few values, which a linear base would take for laws.
  return {
      {"log_train_loss_ratio", "training-mode loss",
       [](const Row& row) {
         return std::log(row.general.loss / row.chance_loss);
       },
       Evidence::none, true},
      {"log_loss_noise", "dropout", log_loss_noise, Evidence::none, true},
      {"log_train_g2", "training-mode gradient",
       [](const Row& row) { return row.general.log_g2; }, Evidence::rows, true},
      {"log_promised_decrease", "training-mode gradient", log_promised_decrease,
       Evidence::rows, true},
      {"log_step_1", kTrainingModeSteps,
       [](const Row& row) { return row.general.log_steps[0]; }, Evidence::none,
       true},
      {"log_step_2", kTrainingModeSteps,
       [](const Row& row) { return row.general.log_steps[1]; }, Evidence::none,
       true},
      {"log_step_4", kTrainingModeSteps,
       [](const Row& row) { return row.general.log_steps[2]; }, Evidence::none,
       true},
      {"log_step_8", kTrainingModeSteps,
       [](const Row& row) { return row.general.log_steps[3]; }, Evidence::none,
       true},
      {"log_step_rate_1", kTrainingModeSteps, log_step_rate<0>, Evidence::none,
       true},
      {"log_step_rate_2", kTrainingModeSteps, log_step_rate<1>, Evidence::none,
       true},
      {"log_step_rate_4", kTrainingModeSteps, log_step_rate<2>, Evidence::none,
       true},
      {"log_step_rate_8", kTrainingModeSteps, log_step_rate<3>, Evidence::none,
       true},
      {"log_step_time_1", kTrainingModeSteps, log_step_time<0>, Evidence::rows,
       true},
      {"log_step_time_2", kTrainingModeSteps, log_step_time<1>, Evidence::rows,
       true},
      {"log_step_time_4", kTrainingModeSteps, log_step_time<2>, Evidence::rows,
       true},
      {"log_step_time_8", kTrainingModeSteps, log_step_time<3>, Evidence::rows,
       true},
      {"log_promised_time", "training-mode gradient",
       [](const Row& row) {
         return log_log_epsilon(row) - log_promised_decrease(row);
       },
       Evidence::rows, true},
      {"log_input_rms", "batch",
       [](const Row& row) { return row.general.log_input_rms; }, Evidence::none,
       true},
      {"log_effective_rank", "batch",
       [](const Row& row) { return row.general.log_effective_rank; },
       Evidence::none, true},
      {"neighbour_agreement", "batch",
       [](const Row& row) { return row.general.neighbour_agreement; },
       Evidence::none, true},
      {"constant_inputs", "batch",
       [](const Row& row) { return row.general.constant_inputs; },
       Evidence::none, true},
      {"log_weight_layers", "tensors",
       [](const Row& row) { return row.general.log_weight_layers; },
       Evidence::none, true},
      {"log_widest_layer", "tensors",
       [](const Row& row) { return row.general.log_widest_layer; },
       Evidence::none, true},
      {"convolution_share", "tensors",
       [](const Row& row) { return row.general.convolution_share; },
       Evidence::none, true},
      {"norm_parameters", "tensors",
       [](const Row& row) { return row.general.norm_parameters; },
       Evidence::none, true},
      {"recurrent_weights", "tensors",
       [](const Row& row) { return row.general.recurrent_weights; },
       Evidence::none, true},
      {"dropout_rate", "dropout",
       [](const Row& row) { return row.general.dropout_rate; }, Evidence::none,
       true},
  };
}

/// How much a gradient differs from mini-batch to mini-batch: the variance of a
/// sample's gradient over the square of the mean gradient, each without the
/// part that the other has in what the batch shows. Where the batch shows
/// nothing but noise, as if the mean were a thousandth of it.
float log_noise_scale(const MetaRow& row) {
  const double samples = row.batch_size;
  const double of_sample = std::exp(double{row.log_g2});
  const double of_mean = std::exp(double{row.log_mean_g2});
  const double variance = (of_sample - of_mean) * samples / (samples - 1);
  const double mean = std::max(of_mean - variance / samples, variance / 1e3);
  return static_cast<float>(std::log(variance / mean));
}

template <int Place>
float kernel_training(const MetaRow& row) {
  return row.training.kernel_training[Place];
}

template <int Place>
float kernel_held_out(const MetaRow& row) {
  return row.training.kernel_held_out[Place];
}

/// Where the held-out loss of the kernel regression is least, by a parabola
/// through the least of its values and the two beside it.
struct KernelOptimum {
  float log_time = kMissing;
  float loss = kMissing;
};

KernelOptimum kernel_optimum(const MetaRow& row) {
  constexpr float kStep = 2;  // between the times, as logarithms
  const auto& losses = row.training.kernel_held_out;
  if (std::ranges::any_of(losses, [](float l) { return !std::isfinite(l); })) {
    return {};
  }
  const auto least = std::ranges::min_element(losses);
  const auto place = static_cast<float>(least - losses.begin());
  if (least == losses.begin() || least == losses.end() - 1) {
    return {kStep * place, *least};
  }
  const float slope = *(least - 1) - *(least + 1);
  const float curvature = *(least - 1) - 2 * *least + *(least + 1);
  const float offset = curvature > 0 ? slope / 2 / curvature : 0;
  return {kStep * (place + offset), *least - slope * offset / 4};
}

/// How much the kernel regression loses by going on to the last time.
float log_kernel_overfit(const MetaRow& row) {
  return std::log(row.training.kernel_held_out.back() /
                  kernel_optimum(row).loss);
}

/// The epochs in which the network would learn as much as the kernel regression
/// has when its held-out loss is least, if its loss fell as the first step
/// promises.
float log_kernel_epochs(const MetaRow& row) {
  return kernel_optimum(row).log_time - log_promised_decrease(row) -
         row.training.log_steps_per_epoch;
}

/// What a whole training has beside steps on one batch.
std::vector<Feature> training_features() {
  using Row = MetaRow;
  std::vector<Feature> features = {
      {"log_samples", "samples",
       [](const Row& row) { return row.training.log_samples; }},
      {"log_steps_per_epoch", "samples",
       [](const Row& row) { return row.training.log_steps_per_epoch; }},
      {"log_patience", "patience",
       [](const Row& row) { return row.training.log_patience; }},
      {"set_agreement_100", "samples of the set",
       [](const Row& row) { return row.training.agreement_100; }},
      {"set_agreement_400", "samples of the set",
       [](const Row& row) { return row.training.agreement_400; }},
      {"set_agreement_slope", "samples of the set",
       [](const Row& row) {
         return row.training.agreement_400 - row.training.agreement_100;
       }},
      {"log_set_rank", "samples of the set",
       [](const Row& row) { return row.training.log_rank_400; }},
      {"kernel_training_0", "kernel regression", kernel_training<0>},
      {"kernel_training_2", "kernel regression", kernel_training<1>},
      {"kernel_training_4", "kernel regression", kernel_training<2>},
      {"kernel_training_6", "kernel regression", kernel_training<3>},
      {"kernel_training_8", "kernel regression", kernel_training<4>},
      {"kernel_held_out_0", "kernel regression", kernel_held_out<0>},
      {"kernel_held_out_2", "kernel regression", kernel_held_out<1>},
      {"kernel_held_out_4", "kernel regression", kernel_held_out<2>},
      {"kernel_held_out_6", "kernel regression", kernel_held_out<3>},
      {"kernel_held_out_8", "kernel regression", kernel_held_out<4>},
      {"log_kernel_time", "kernel regression",
       [](const Row& row) { return kernel_optimum(row).log_time; }},
      {"kernel_loss", "kernel regression",
       [](const Row& row) { return kernel_optimum(row).loss; }},
      {"log_kernel_overfit", "kernel regression", log_kernel_overfit},
      {"log_kernel_epochs", "kernel regression", log_kernel_epochs},
      {"log_noise_scale", "noise scale",
       [](const Row& row) {
         return is_whole_training(row) ? log_noise_scale(row) : kMissing;
       }},
  };
  for (Feature& feature : features) {
    feature.evidence = Evidence::none;
    feature.from_probe =
        feature.group != "samples" && feature.group != "patience";
  }
  return features;
}

/// L_t = L_0 exp(-c t^power), fitted to the losses after steps `First` to
/// `Last` on the scale on which that is a line: the logarithm of log(L_0 / L_t)
/// against that of t.
struct StretchedExponential {
  float power = kMissing;
  float log_time = kMissing;  ///< log of the steps to epsilon
};

template <std::size_t First, std::size_t Last>
StretchedExponential stretched_exponential(const MetaRow& row) {
  constexpr float kLeastDecrease = 0.003F;
  constexpr std::size_t kCount = Last - First + 1;
  float mean_time = 0;
  float mean_decrease = 0;
  std::array<float, kCount> times{};
  std::array<float, kCount> decreases{};
  for (std::size_t i = 0; i < kCount; ++i) {
    const std::size_t step = First + i;
    times[i] = std::log(static_cast<float>(step));
    const float decrease =
        std::log(row.first_losses[0] / row.first_losses[step]);
    if (std::isnan(decrease)) return {};
    decreases[i] = std::log(std::max(decrease, kLeastDecrease));
    mean_time += times[i] / kCount;
    mean_decrease += decreases[i] / kCount;
  }
  float covariance = 0;
  float variance = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    covariance += (times[i] - mean_time) * (decreases[i] - mean_decrease);
    variance += (times[i] - mean_time) * (times[i] - mean_time);
  }
  const float power = covariance / variance;
  return {power, mean_time + (log_log_epsilon(row) - mean_decrease) /
                                 std::clamp(power, 0.2F, 3.F)};
}

template <std::size_t First, std::size_t Last>
float loss_power(const MetaRow& row) {
  return stretched_exponential<First, Last>(row).power;
}

template <std::size_t First, std::size_t Last>
float log_power_time(const MetaRow& row) {
  return stretched_exponential<First, Last>(row).log_time;
}

std::vector<Feature> of_first_steps(std::vector<Feature> features) {
  for (Feature& feature : features) {
    feature.evidence = Evidence::none;
    feature.from_probe = true;
  }
  return features;
}

/// What the first 8 updates of the training itself show.
std::vector<Feature> features_of_8_steps() {
  return of_first_steps({
      {"log_loss_1", "first steps", log_loss<1>},
      {"log_loss_2", "first steps", log_loss<2>},
      {"log_loss_3", "first steps", log_loss<3>},
      {"log_loss_4", "first steps", log_loss<4>},
      {"log_loss_5", "first steps", log_loss<5>},
      {"log_loss_6", "first steps", log_loss<6>},
      {"log_loss_7", "first steps", log_loss<7>},
      {"log_loss_8", "first steps", log_loss<8>},
      {"log_loss_rate_1", "first steps", log_loss_rate<0, 1>},
      {"log_loss_rate_2", "first steps", log_loss_rate<0, 2>},
      {"log_loss_rate_4", "first steps", log_loss_rate<0, 4>},
      {"log_loss_rate_8", "first steps", log_loss_rate<0, 8>},
      {"log_last_rate", "first steps", log_loss_rate<4, 8>},
      {"log_rate_change", "first steps",
       [](const MetaRow& row) {
         return log_loss_rate<4, 8>(row) - log_loss_rate<0, 4>(row);
       }},
      {"log_left", "first steps", log_left<8>},
      {"log_time_left", "first steps",
       [](const MetaRow& row) {
         return log_left<8>(row) - log_loss_rate<4, 8>(row);
       }},
      {"loss_power", "first steps", loss_power<1, 8>},
      {"log_power_time", "first steps", log_power_time<1, 8>},
      {"last_loss_power", "first steps", loss_power<4, 8>},
      {"log_last_power_time", "first steps", log_power_time<4, 8>},
  });
}

/// What the first 32 show.
std::vector<Feature> features_of_32_steps() {
  return of_first_steps({
      {"log_loss_1", "first steps", log_loss<1>},
      {"log_loss_2", "first steps", log_loss<2>},
      {"log_loss_4", "first steps", log_loss<4>},
      {"log_loss_8", "first steps", log_loss<8>},
      {"log_loss_16", "first steps", log_loss<16>},
      {"log_loss_32", "first steps", log_loss<32>},
      {"log_loss_rate_8", "first steps", log_loss_rate<0, 8>},
      {"log_loss_rate_32", "first steps", log_loss_rate<0, 32>},
      {"log_last_rate", "first steps", log_loss_rate<16, 32>},
      {"log_rate_change", "first steps",
       [](const MetaRow& row) {
         return log_loss_rate<16, 32>(row) - log_loss_rate<0, 16>(row);
       }},
      {"log_left", "first steps", log_left<32>},
      {"log_time_left", "first steps",
       [](const MetaRow& row) {
         return log_left<32>(row) - log_loss_rate<16, 32>(row);
       }},
      {"loss_power", "first steps", loss_power<1, 32>},
      {"log_power_time", "first steps", log_power_time<1, 32>},
      {"last_loss_power", "first steps", loss_power<8, 32>},
      {"log_last_power_time", "first steps", log_power_time<8, 32>},
  });
}

/// The features of the other sets that say nothing of names: what was chosen
/// for the training, and sizes.
constexpr std::array kGeneralChoices = {
    "log_p",          "log_lr",      "log_b",   "log_log_epsilon",
    "log_input_size", "log_classes", "is_adam", "is_sgd",
    "momentum",       "nesterov",    "log_tau", "label_entropy",
    "alignment"};

bool varies(const Feature& feature, const MetaTable& table,
            std::span<const RowIndex> rows) {
  const auto [least, greatest] =
      feature_ranges(table, rows, {{}, {feature}}).front();
  return least < greatest;
}

}  // namespace

bool is_of_training_mode_steps(const Feature& feature) {
  return feature.group == kTrainingModeSteps;
}

std::vector<std::string> FeatureSet::names() const {
  std::vector<std::string> names;
  for (const Feature& feature : features) names.emplace_back(feature.name);
  return names;
}

std::vector<std::string> FeatureSet::groups() const {
  std::vector<std::string> groups;
  for (const Feature& feature : features) {
    if (std::ranges::find(groups, feature.group) == groups.end()) {
      groups.emplace_back(feature.group);
    }
  }
  return groups;
}

FeatureSet FeatureSet::without(std::string_view group) const {
  FeatureSet rest = *this;
  std::erase_if(rest.features,
                [&](const Feature& f) { return f.group == group; });
  return rest;
}

FeatureSet feature_set(std::string_view name) {
  FeatureSet set = {std::string(name), paper_features()};
  if (name == "paper") return set;
  if (name == "extended") {
    // The steps on one batch do not depend on the number of other samples. N
    // could only serve to recognise the data set.
    set = set.without("log_n");
    std::ranges::copy(more_features(), std::back_inserter(set.features));
    std::ranges::copy(general_features(), std::back_inserter(set.features));
    return set;
  }
  if (name == "general") {
    std::ranges::copy(more_features(), std::back_inserter(set.features));
    std::erase_if(set.features, [](const Feature& feature) {
      return std::ranges::find(kGeneralChoices, feature.name) ==
             kGeneralChoices.end();
    });
    std::ranges::copy(general_features(), std::back_inserter(set.features));
    std::ranges::copy(training_features(), std::back_inserter(set.features));
    return set;
  }
  const auto first_steps = [&](std::vector<Feature> features) {
    set.features = feature_set("general").features;
    std::ranges::move(features, std::back_inserter(set.features));
    return set;
  };
  if (name == first_steps_features(8)) {
    return first_steps(features_of_8_steps());
  }
  if (name == first_steps_features(32)) {
    return first_steps(features_of_32_steps());
  }
  fail_user(
      "unknown feature set \"{}\"; known: paper, extended, general, first 8 "
      "steps, first 32 steps",
      name);
}

FeatureSet varying(const FeatureSet& features, const MetaTable& table,
                   std::span<const RowIndex> rows) {
  FeatureSet kept = features;
  std::erase_if(kept.features,
                [&](const Feature& f) { return !varies(f, table, rows); });
  return kept;
}

bool has_paper_features(const MetaRow& row) {
  const auto is_finite = [&row](const Feature& feature) {
    return std::isfinite(feature.value(row));
  };
  static const std::vector<Feature> features = paper_features();
  return std::ranges::all_of(features, is_finite);
}

bool has_general_features(const MetaRow& row) {
  return std::isfinite(row.general.log_steps[0]) &&
         std::isfinite(row.general.log_g2);
}

std::string first_steps_features(std::size_t steps) {
  return fmt::format("first {} steps", steps);
}

bool has_first_losses(const MetaRow& row, std::size_t steps) {
  return std::isfinite(row.first_losses.at(steps));
}

bool is_usable(const MetaRow& row) {
  const bool has_criterion =
      row.counts_epochs || (row.epsilon > 0 && row.epsilon < 1);
  return row.t_star >= 1 && has_criterion && has_paper_features(row);
}

Matrix feature_matrix(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  Matrix matrix(rows.size(), features.size());
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t j = 0; j < matrix.columns; ++j) {
      const float value = features.features[j].value(table.rows[rows[i]]);
      matrix.at(i, j) = std::isfinite(value) ? value : kMissing;
    }
  }
  return matrix;
}

Ranges feature_ranges(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  Ranges ranges;
  for (const Feature& feature : features.features) {
    auto& range = ranges.emplace_back(kMissing, kMissing);
    for (const RowIndex row : rows) {
      const float value = feature.value(table.rows[row]);
      if (!std::isfinite(value)) continue;
      range.first = std::fmin(range.first, value);
      range.second = std::fmax(range.second, value);
    }
  }
  return ranges;
}

std::vector<float> log_steps(const MetaTable& table,
                             std::span<const RowIndex> rows) {
  std::vector<float> target;
  target.reserve(rows.size());
  for (const RowIndex row : rows) {
    target.push_back(std::log(static_cast<float>(table.rows[row].t_star)));
  }
  return target;
}

double clip_steps(double steps, const MetaRow& row) {
  return std::clamp(steps, 1.0, std::max(1.0, double(row.max_steps)));
}

double steps_from_log(double log_t_star, const MetaRow& row) {
  return clip_steps(std::exp(log_t_star), row);
}

}  // namespace cape::predictor
