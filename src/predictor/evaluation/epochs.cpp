#include "predictor/evaluation/epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <random>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "predictor/evaluation/curve_extrapolation.h"
#include "predictor/evaluation/evaluate.h"
#include "predictor/evaluation/regressor.h"
#include "predictor/models/linear.h"
#include "predictor/models/model.h"
#include "predictor/models/xgboost.h"

namespace cape::predictor {
namespace {

using Trainings = std::span<const PublishedTraining>;

constexpr int kPublishedFolds = 5;
constexpr int kFurtherShuffles = 5;
constexpr std::size_t kFewestTrainings = 50;
constexpr std::string_view kLeftOutModels[] = {"ViT", "vgg16"};

/// A column of the features of a training.
struct EpochFeature {
  std::string name;
  std::function<double(const PublishedTraining&)> value;
};
using EpochFeatures = std::vector<EpochFeature>;

EpochFeature number_feature(std::string_view name) {
  const auto found = std::ranges::find(kEpochNumbers, name);
  const auto i = static_cast<std::size_t>(found - kEpochNumbers.begin());
  return {std::string(name),
          [i](const PublishedTraining& of) { return of.numbers[i]; }};
}

/// The authors' features: all columns, and one that is 1 or 0 for each value of
/// those that are names.
EpochFeatures all_features(Trainings all) {
  EpochFeatures features;
  for (const char* name : kEpochNumbers) {
    features.push_back(number_feature(name));
  }
  for (std::size_t i = 0; i < kEpochNames.size(); ++i) {
    std::set<std::string> values;
    for (const PublishedTraining& one : all) values.insert(one.names[i]);
    for (const std::string& value : values) {
      features.push_back({fmt::format("{}={}", kEpochNames[i], value),
                          [i, value](const PublishedTraining& of) {
                            return of.names[i] == value ? 1.0 : 0.0;
                          }});
    }
  }
  return features;
}

EpochFeatures probe_features() {
  return {number_feature("gradient_norm_log10"),
          number_feature("ntk_trace_proxy_log10"),
          number_feature("initial_loss_log10")};
}

EpochFeatures size_features() {
  const EpochFeature samples = number_feature("dataset_size");
  return {number_feature("param_count_log10"),
          {"dataset_size_log10", [samples](const PublishedTraining& of) {
             return std::log10(samples.value(of));
           }}};
}

Matrix matrix_of(Trainings trainings, const EpochFeatures& features) {
  Matrix x(trainings.size(), features.size());
  for (std::size_t row = 0; row < x.rows; ++row) {
    for (std::size_t column = 0; column < x.columns; ++column) {
      x.at(row, column) =
          static_cast<float>(features[column].value(trainings[row]));
    }
  }
  return x;
}

/// Epochs of `held_out`, predicted after a fit to `fitted`.
using PredictEpochs =
    std::function<std::vector<double>(Trainings fitted, Trainings held_out)>;

struct EpochRegressor {
  std::string name;
  std::string description;
  PredictEpochs predict;
};

enum class EpochTarget { epochs, log_epochs };

std::vector<float> epoch_targets(Trainings trainings, EpochTarget target) {
  std::vector<float> values;
  for (const PublishedTraining& one : trainings) {
    const auto epochs = static_cast<float>(one.t_conv);
    values.push_back(target == EpochTarget::epochs ? epochs : std::log(epochs));
  }
  return values;
}

template <class Model>
std::vector<double> predict_epochs(const Model& model, const Matrix& x,
                                   EpochTarget target) {
  std::vector<double> epochs;
  for (const double value : model.predict(x)) {
    epochs.push_back(target == EpochTarget::epochs ? value : std::exp(value));
  }
  return epochs;
}

PredictEpochs predict_by_trees(const EpochFeatures& features,
                               const BoosterSettings& settings,
                               EpochTarget target) {
  std::vector<std::string> names;
  for (const EpochFeature& feature : features) names.push_back(feature.name);
  return [=](Trainings fitted, Trainings held_out) {
    const Matrix x = matrix_of(fitted, features);
    const std::vector<float> y = epoch_targets(fitted, target);
    return predict_epochs(Booster::train({x, y}, names, settings),
                          matrix_of(held_out, features), target);
  };
}

PredictEpochs predict_by_ridge(const EpochFeatures& features) {
  return [=](Trainings fitted, Trainings held_out) {
    constexpr auto kTarget = EpochTarget::log_epochs;
    const Matrix x = matrix_of(fitted, features);
    const std::vector<double> penalties(x.columns, 1);
    return predict_epochs(
        fit_linear(x, epoch_targets(fitted, kTarget), penalties),
        matrix_of(held_out, features), kTarget);
  };
}

std::vector<double> predict_median(Trainings fitted, Trainings held_out) {
  std::vector<double> epochs;
  for (const PublishedTraining& one : fitted) epochs.push_back(one.t_conv);
  return std::vector<double>(held_out.size(), median(std::move(epochs)));
}

PredictEpochs predict_by_curve(int losses) {
  return [=](Trainings /*fitted*/, Trainings held_out) {
    std::vector<double> epochs;
    for (const PublishedTraining& one : held_out) {
      epochs.push_back(extrapolate_epochs(one, losses));
    }
    return epochs;
  };
}

/// The authors' forest first, then our trees, then what they are compared with.
std::vector<EpochRegressor> epoch_regressors(Trainings all,
                                             std::uint64_t seed) {
  BoosterSettings boosted = extended_settings(seed).booster;
  boosted.trees = 200;
  std::vector<EpochRegressor> regressors = {
      {"random_forest",
       "the authors': random forest of 500 trees on all columns",
       predict_by_trees(all_features(all), forest_settings(500, 0, seed),
                        EpochTarget::epochs)},
      {"boosted_trees",
       "ours: 200 boosted trees on all columns, fitted to log T_conv",
       predict_by_trees(all_features(all), boosted, EpochTarget::log_epochs)},
      {"probe_alone",
       "the same trees on the probe's columns: norm of the gradient, its "
       "square and the initial loss",
       predict_by_trees(probe_features(), boosted, EpochTarget::log_epochs)},
      {"scaling_law",
       "ridge regression of log T_conv on log P and log N, alpha 1",
       predict_by_ridge(size_features())},
      {"median", "the median of the trainings that were fitted on",
       predict_median}};
  for (const int losses : {5, 10, 20}) {
    const auto ended = std::ranges::count_if(
        all,
        [&](const PublishedTraining& one) { return one.t_conv <= losses; });
    regressors.push_back(
        {fmt::format("curve_extrapolation_{}", losses),
         fmt::format("exponential fitted to the first {} validation losses; "
                     "costs {} epochs of training, and knows the answer for {} "
                     "of {} trainings, which have ended by then",
                     losses, losses, ended, all.size()),
         predict_by_curve(losses)});
  }
  return regressors;
}

/// One part for each name.
std::vector<int> parts_by_name(
    Trainings trainings,
    const std::string& (PublishedTraining::*name_of)() const) {
  std::set<std::string> names;
  for (const PublishedTraining& one : trainings) {
    names.insert((one.*name_of)());
  }
  std::vector<int> parts;
  for (const PublishedTraining& one : trainings) {
    parts.push_back(static_cast<int>(
        std::distance(names.begin(), names.find((one.*name_of)()))));
  }
  return parts;
}

/// Which part holds out which training, for each of the scheme's divisions.
std::vector<std::vector<int>> divisions(Trainings trainings, EpochScheme scheme,
                                        std::uint64_t seed) {
  switch (scheme) {
    case EpochScheme::kfold:
      return {shuffled_folds(trainings.size(), kPublishedFolds, seed)};
    case EpochScheme::repeated_kfold: {
      std::vector<std::vector<int>> further;
      for (int i = 1; i <= kFurtherShuffles; ++i) {
        further.push_back(shuffled_folds(trainings.size(), kPublishedFolds,
                                         seed + static_cast<std::uint64_t>(i)));
      }
      return further;
    }
    case EpochScheme::leave_one_dataset_out:
      return {parts_by_name(trainings, &PublishedTraining::dataset)};
    case EpochScheme::leave_one_model_out:
      return {parts_by_name(trainings, &PublishedTraining::model)};
  }
  fail("a scheme without a division");
}

/// Predictions for all trainings, each by a fit to the other parts.
std::vector<double> predict_parts(Trainings trainings,
                                  const std::vector<int>& part_of,
                                  const PredictEpochs& predict) {
  std::vector<double> predicted(trainings.size());
  run_parallel(1 + *std::ranges::max_element(part_of), [&](int part) {
    std::vector<PublishedTraining> fitted;
    std::vector<PublishedTraining> held_out;
    for (std::size_t i = 0; i < trainings.size(); ++i) {
      (part_of[i] == part ? held_out : fitted).push_back(trainings[i]);
    }
    const std::vector<double> epochs = predict(fitted, held_out);
    auto next = epochs.begin();
    for (std::size_t i = 0; i < trainings.size(); ++i) {
      if (part_of[i] == part) predicted[i] = *next++;
    }
  });
  return predicted;
}

/// What one regressor predicts under a scheme: all trainings, once for each of
/// its divisions.
struct EpochPredictions {
  std::string model;
  std::string description;
  std::vector<double> epochs;
};

EpochPredictions predict_divisions(
    Trainings trainings, const std::vector<std::vector<int>>& divisions,
    const EpochRegressor& regressor) {
  EpochPredictions all = {regressor.name, regressor.description, {}};
  for (const std::vector<int>& part_of : divisions) {
    std::ranges::copy(predict_parts(trainings, part_of, regressor.predict),
                      std::back_inserter(all.epochs));
  }
  return all;
}

/// Made of predictions, since fitting a forest again takes long.
EpochPredictions mean_of(const EpochPredictions& a, const EpochPredictions& b) {
  EpochPredictions mean = {
      "forest_and_boosted_trees",
      fmt::format("ours: the mean of {} and {}", a.model, b.model), a.epochs};
  for (std::size_t i = 0; i < mean.epochs.size(); ++i) {
    mean.epochs[i] = (a.epochs[i] + b.epochs[i]) / 2;
  }
  return mean;
}

EpochEvaluation score(Trainings trainings, EpochScheme scheme,
                      EpochPredictions predictions, std::uint64_t seed) {
  Scored scored;
  scored.predicted = std::move(predictions.epochs);
  for (std::size_t i = 0; i < scored.predicted.size(); ++i) {
    const std::size_t training = i % trainings.size();
    scored.measured.push_back(trainings[training].t_conv);
    scored.trajectory.push_back(static_cast<std::uint32_t>(training));
  }
  return {.scheme = scheme,
          .model = std::move(predictions.model),
          .description = std::move(predictions.description),
          .metrics = compute_metrics(scored.measured, scored.predicted),
          .r = correlation(scored.measured, scored.predicted),
          .intervals = bootstrap(scored, seed)};
}

}  // namespace

std::vector<PublishedTraining> authors_trainings(
    std::vector<PublishedTraining> all, const std::string& file) {
  std::erase_if(all, [](const PublishedTraining& one) {
    return std::ranges::find(kLeftOutModels, one.model()) !=
           std::end(kLeftOutModels);
  });
  std::set<std::string> datasets;
  std::set<std::string> models;
  for (const PublishedTraining& one : all) {
    datasets.insert(one.dataset());
    models.insert(one.model());
  }
  if (all.size() < kFewestTrainings || datasets.size() < 2 ||
      models.size() < 2) {
    fail_user(
        "{}: {} rows of {} data sets and {} models are left without those of "
        "ViT and vgg16; give the published file, since {} rows, two data sets "
        "and two models are the least that can be evaluated on",
        file, all.size(), datasets.size(), models.size(), kFewestTrainings);
  }
  return all;
}

std::vector<int> shuffled_folds(std::size_t count, int folds,
                                std::uint64_t seed) {
  // numpy.random.RandomState(seed).shuffle: 32 bits of the Mersenne Twister,
  // of which as many are used as the bound has; what exceeds it is drawn again.
  std::mt19937 engine(static_cast<std::uint32_t>(seed));
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t bound = count; bound-- > 1;) {
    const std::size_t mask = std::bit_ceil(bound + 1) - 1;
    std::size_t drawn = 0;
    do {
      drawn = engine() & mask;
    } while (drawn > bound);
    std::swap(order[bound], order[drawn]);
  }
  // The first folds have one row more where the rows cannot be shared evenly.
  const auto parts = static_cast<std::size_t>(folds);
  std::vector<int> fold_of(count);
  std::size_t next = 0;
  for (std::size_t fold = 0; fold < parts; ++fold) {
    const std::size_t size = count / parts + (fold < count % parts ? 1 : 0);
    for (std::size_t i = 0; i < size; ++i) {
      fold_of[order[next++]] = static_cast<int>(fold);
    }
  }
  return fold_of;
}

double extrapolate_epochs(const PublishedTraining& training, int losses) {
  if (training.t_conv <= losses) return training.t_conv;
  const std::span<const double> known(
      training.losses.data(),
      std::min(training.losses.size(), static_cast<std::size_t>(losses)));
  const EarlyStop stop = extrapolate_stop(
      known, {training.patience, training.min_delta, training.max_epochs});
  return std::max(stop.epoch, losses + 1);  // since it has not ended yet
}

std::vector<EpochEvaluation> evaluate_epochs(Trainings trainings,
                                             EpochScheme scheme,
                                             std::uint64_t seed) {
  const auto parts = divisions(trainings, scheme, seed);
  std::vector<EpochPredictions> predictions;
  for (const EpochRegressor& regressor : epoch_regressors(trainings, seed)) {
    predictions.push_back(predict_divisions(trainings, parts, regressor));
  }
  predictions.insert(predictions.begin() + 2,
                     mean_of(predictions[0], predictions[1]));
  std::vector<EpochEvaluation> evaluations;
  evaluations.reserve(predictions.size());
  for (EpochPredictions& one : predictions) {
    evaluations.push_back(score(trainings, scheme, std::move(one), seed));
  }
  return evaluations;
}

}  // namespace cape::predictor
