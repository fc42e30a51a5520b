/// Everything that a run of cape_fit found. The model directory and the report
/// are written from it.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "predictor/artifact/predictor.h"
#include "predictor/data/inputs.h"
#include "predictor/evaluation/ablation.h"
#include "predictor/evaluation/comparison.h"
#include "predictor/evaluation/conformal.h"
#include "predictor/evaluation/general.h"
#include "predictor/evaluation/table.h"
#include "predictor/evaluation/unseen.h"
#include "predictor/report/fit_options.h"

namespace cape::predictor {

/// What intervals cover under one scheme.
struct SchemeCoverage {
  SchemeName scheme;
  std::vector<Coverage> groups;
};

/// A model that knows the losses of first steps.
struct FirstStepsFit {
  GeneralModel model;
  /// How far off the general model is for the rows that this one is fitted on.
  std::map<Novelty, StepErrors> without;
};

struct FitResult {
  FitOptions options;
  Inputs inputs;
  std::vector<std::string> left_out;  ///< features with a single value
  Comparison comparison;
  Predictor predictor;  ///< fitted on all of inputs.rows
  std::vector<SchemeCoverage> coverage{};
  /// The general model and what it is compared with, where there is one.
  std::vector<UnseenScore> unseen{};
  /// By the number of first steps whose losses each knows.
  std::map<std::size_t, FirstStepsFit> first_steps{};
  std::optional<Ablation> ablation{};  ///< where asked for
  std::vector<Table> tables{};         ///< the paper's, where asked for
};

}  // namespace cape::predictor
