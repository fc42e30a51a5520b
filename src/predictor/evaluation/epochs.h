/// How well the epochs of whole trainings are predicted from what is known
/// before them: the protocol of the authors of CAPE, on the file that they
/// published.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/enum_names.h"
#include "predictor/data/published_epochs.h"
#include "predictor/evaluation/bootstrap.h"
#include "predictor/evaluation/metrics.h"

namespace cape::predictor {

/// Which trainings are held out together.
enum class EpochScheme {
  kfold,           ///< one of five shuffled folds
  repeated_kfold,  ///< the same with five further shuffles, taken together
  leave_one_dataset_out,
  leave_one_model_out
};

constexpr auto enum_names(EpochScheme) {
  using enum EpochScheme;
  return EnumNames{"scheme",
                   std::to_array<EnumName<EpochScheme>>(
                       {{kfold, "kfold"},
                        {repeated_kfold, "repeated_kfold"},
                        {leave_one_dataset_out, "leave_one_dataset_out"},
                        {leave_one_model_out, "leave_one_model_out"}})};
}

struct EpochEvaluation {
  EpochScheme scheme;
  std::string model;        ///< "random_forest"; a key of metrics.json
  std::string description;  ///< for people
  Metrics metrics;          ///< in epochs
  double r = 0;             ///< Pearson's, of predicted and measured epochs
  MetricIntervals intervals;
};

/// The trainings that the authors evaluate on: all but those of ViT and VGG-16.
/// Throws UserError, which names `file`, if these are too few for all schemes.
std::vector<PublishedTraining> authors_trainings(
    std::vector<PublishedTraining> all, const std::string& file);

/// The fold, from 0, of each of `count` rows. For seeds below 2^32 these are
/// the folds of scikit-learn's KFold(folds, shuffle=True, random_state=seed),
/// so that figures can be compared with the authors'.
std::vector<int> shuffled_folds(std::size_t count, int folds,
                                std::uint64_t seed);

/// Learning-curve extrapolation from the first `losses` validation losses of a
/// training, see extrapolate_stop(). It costs as many epochs of training. A
/// training that has ended by then is answered exactly.
double extrapolate_epochs(const PublishedTraining& training, int losses);

/// The authors' forest, our regressors and what they are compared with, under
/// one scheme. Does not depend on the number of cores.
std::vector<EpochEvaluation> evaluate_epochs(
    std::span<const PublishedTraining> trainings, EpochScheme scheme,
    std::uint64_t seed);

}  // namespace cape::predictor
