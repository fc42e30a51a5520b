#include "predictor/models/xgboost.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace cape::predictor {
namespace {

/// With fewer rows the threads of a pool lose more time by waiting for each
/// other than they save, and much more on a busy machine.
constexpr std::size_t kRowsForAllThreads = 100'000;

/// XGBoost's value: 0 means all cores, or what OMP_NUM_THREADS says.
int threads_for(const Matrix& x) { return x.rows < kRowsForAllThreads ? 1 : 0; }

/// XGBoost's numbers of what it can predict.
constexpr int kMargin = 1;
constexpr int kContributions = 2;

void check(int status, const char* action) {
  if (status != 0) fail("XGBoost cannot {}: {}", action, XGBGetLastError());
}

/// A DMatrix, which has its own copy of the data.
class DataMatrix {
 public:
  explicit DataMatrix(const Matrix& x) {
    check(XGDMatrixCreateFromMat_omp(x.values.data(), x.rows, x.columns,
                                     std::numeric_limits<float>::quiet_NaN(),
                                     &handle_, 0),
          "take the features");
  }
  ~DataMatrix() { XGDMatrixFree(handle_); }
  DataMatrix(const BoosterData& data, BoosterObjective objective)
      : DataMatrix(data.x) {
    if (!data.margin.empty()) set("base_margin", data.margin);
    if (objective == BoosterObjective::survival) {
      set_survival(data);
    } else {
      set("label", data.target);
    }
  }
  DataMatrix(const DataMatrix&) = delete;
  DataMatrix& operator=(const DataMatrix&) = delete;

  void set(const char* field, std::span<const float> values) {
    check(XGDMatrixSetFloatInfo(handle_, field, values.data(), values.size()),
          "take a column of values");
  }
  DMatrixHandle get() const { return handle_; }

 private:
  /// Bounds of T* itself, since this objective takes them.
  void set_survival(const BoosterData& data) {
    const auto steps = [](std::span<const float> logarithms) {
      std::vector<float> values;
      for (const float value : logarithms) values.push_back(std::exp(value));
      return values;
    };
    const std::vector<float> lower = steps(data.target);
    const std::vector<float> upper =
        data.upper.empty() ? lower : steps(data.upper);
    set("label_lower_bound", lower);
    set("label_upper_bound", upper);
  }

  DMatrixHandle handle_ = nullptr;
};

void set(BoosterHandle booster, const char* name, const std::string& value) {
  check(XGBoosterSetParam(booster, name, value.c_str()), "take a setting");
}

void configure(BoosterHandle booster, const BoosterSettings& settings) {
  if (settings.objective == BoosterObjective::survival) {
    set(booster, "objective", "survival:aft");
    set(booster, "aft_loss_distribution", "normal");
    set(booster, "aft_loss_distribution_scale", "0.5");
    set(booster, "eval_metric", "aft-nloglik");
  } else if (settings.objective == BoosterObjective::logistic) {
    set(booster, "objective", "binary:logistic");
    set(booster, "eval_metric", "logloss");
  } else {
    set(booster, "objective", "reg:squarederror");
    set(booster, "eval_metric", "rmse");
  }
  // XGBoost 2 and later would estimate it, even where there are margins.
  set(booster, "base_score", "0.5");
  set(booster, "tree_method", "hist");
  set(booster, "max_bin", fmt::to_string(settings.bins));
  set(booster, "max_depth", fmt::to_string(settings.depth));
  set(booster, "learning_rate", fmt::to_string(settings.learning_rate));
  set(booster, "subsample", fmt::to_string(settings.subsample));
  set(booster, "colsample_bytree", fmt::to_string(settings.colsample_bytree));
  set(booster, "colsample_bynode", fmt::to_string(settings.colsample_bynode));
  set(booster, "min_child_weight", fmt::to_string(settings.min_child_weight));
  set(booster, "reg_lambda", fmt::to_string(settings.lambda));
  set(booster, "reg_alpha", fmt::to_string(settings.alpha));
  set(booster, "num_parallel_tree", fmt::to_string(settings.parallel_trees));
  set(booster, "seed", fmt::to_string(settings.seed));
}

void check_shapes(const BoosterData& data) {
  if (data.target.size() != data.x.rows ||
      (!data.margin.empty() && data.margin.size() != data.x.rows)) {
    fail("cannot fit {} rows to {} targets and {} margins", data.x.rows,
         data.target.size(), data.margin.size());
  }
}

float mean(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.F) /
         static_cast<float>(values.size());
}

/// Grows trees on Huber's loss. XGBoost's own robust losses divide by a second
/// derivative that vanishes for large errors, or set leaves afterwards; here
/// the second derivative counts as 1, as in gradient boosting.
void grow_huber(BoosterHandle booster, DMatrixHandle matrix,
                std::span<const float> target,
                const BoosterSettings& settings) {
  const auto delta = static_cast<float>(settings.huber_delta);
  std::vector<float> gradient(target.size());
  std::vector<float> curvature(target.size(), 1.F);
  for (int i = 0; i < settings.trees; ++i) {
    bst_ulong count = 0;
    const float* predicted = nullptr;
    check(XGBoosterPredict(booster, matrix, 1, 0, 1, &count, &predicted),
          "predict its own rows");
    for (std::size_t row = 0; row < target.size(); ++row) {
      gradient[row] = std::clamp(predicted[row] - target[row], -delta, delta);
    }
    check(XGBoosterBoostOneIter(booster, matrix, gradient.data(),
                                curvature.data(), target.size()),
          "grow a tree");
  }
}

/// The last number of XGBoost's "[3]\twatched-rmse:0.25".
double parse_metric(std::string_view line) {
  return std::stod(std::string(line.substr(line.rfind(':') + 1)));
}

void name_features(BoosterHandle booster, std::span<const std::string> names) {
  std::vector<const char*> texts;
  for (const std::string& name : names) texts.push_back(name.c_str());
  check(XGBoosterSetStrFeatureInfo(booster, "feature_name", texts.data(),
                                   texts.size()),
        "name the features");
}

}  // namespace

Booster Booster::train(const BoosterData& data,
                       std::span<const std::string> names,
                       const BoosterSettings& settings) {
  check_shapes(data);
  if (names.size() != data.x.columns) {
    fail("{} names for {} features", names.size(), data.x.columns);
  }
  const DataMatrix matrix(data, settings.objective);
  const DMatrixHandle handle = matrix.get();
  Booster booster(nullptr);
  check(XGBoosterCreate(&handle, 1, &booster.handle_), "start a model");
  configure(booster.handle_, settings);
  set(booster.handle_, "nthread", fmt::to_string(threads_for(data.x)));
  if (settings.objective == BoosterObjective::huber) {
    set(booster.handle_, "base_score", fmt::to_string(mean(data.target)));
    grow_huber(booster.handle_, handle, data.target, settings);
  } else {
    for (int i = 0; i < settings.trees; ++i) {
      check(XGBoosterUpdateOneIter(booster.handle_, i, handle), "grow a tree");
    }
  }
  name_features(booster.handle_, names);
  return booster;
}

int Booster::best_rounds(const BoosterData& data, const BoosterData& watched,
                         const BoosterSettings& settings) {
  check_shapes(data);
  check_shapes(watched);
  const DataMatrix fitted(data, settings.objective);
  const DataMatrix held_out(watched, settings.objective);
  const DMatrixHandle handles[] = {fitted.get(), held_out.get()};
  DMatrixHandle shown[] = {held_out.get()};
  const char* names[] = {"watched"};
  Booster booster(nullptr);
  check(XGBoosterCreate(handles, 2, &booster.handle_), "start a model");
  configure(booster.handle_, settings);
  set(booster.handle_, "nthread", fmt::to_string(threads_for(data.x)));
  int best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < settings.trees && i - best < settings.early_stopping;
       ++i) {
    check(XGBoosterUpdateOneIter(booster.handle_, i, fitted.get()),
          "grow a tree");
    const char* line = nullptr;
    check(XGBoosterEvalOneIter(booster.handle_, i, shown, names, 1, &line),
          "evaluate a tree");
    const double error = parse_metric(line);
    if (error < least) {
      least = error;
      best = i;
    }
  }
  return best + 1;
}

Booster Booster::from_json(std::string_view json) {
  Booster booster(nullptr);
  check(XGBoosterCreate(nullptr, 0, &booster.handle_), "start a model");
  check(XGBoosterLoadModelFromBuffer(booster.handle_, json.data(), json.size()),
        "read a model");
  return booster;
}

Booster::Booster(Booster&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)) {}

Booster& Booster::operator=(Booster&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Booster::~Booster() {
  if (handle_ != nullptr) XGBoosterFree(handle_);
}

std::vector<float> Booster::run(const Matrix& x, std::span<const float> margin,
                                int type) const {
  DataMatrix data(x);
  if (!margin.empty()) data.set("base_margin", margin);
  // Contributions take much longer than predictions.
  set(handle_, "nthread",
      fmt::to_string(type == kContributions ? 0 : threads_for(x)));
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  const std::string config = fmt::format(
      R"({{"type": {}, "training": false, "iteration_begin": 0,
           "iteration_end": 0, "strict_shape": true}})",
      type);
  check(XGBoosterPredictFromDMatrix(handle_, data.get(), config.c_str(), &shape,
                                    &dimensions, &values),
        "predict");
  std::size_t count = 1;
  for (bst_ulong i = 0; i < dimensions; ++i) count *= shape[i];
  return {values, values + count};
}

std::vector<float> Booster::predict(const Matrix& x,
                                    std::span<const float> margin) const {
  return run(x, margin, kMargin);
}

Matrix Booster::contributions(const Matrix& x,
                              std::span<const float> margin) const {
  Matrix shares(x.rows, x.columns + 1);
  shares.values = run(x, margin, kContributions);
  return shares;
}

std::map<std::string, double> Booster::total_gain() const {
  bst_ulong features = 0;
  const char** names = nullptr;
  bst_ulong dimensions = 0;
  const bst_ulong* shape = nullptr;
  const float* scores = nullptr;
  check(XGBoosterFeatureScore(handle_, R"({"importance_type": "total_gain"})",
                              &features, &names, &dimensions, &shape, &scores),
        "weigh its features");
  std::map<std::string, double> gains;
  for (bst_ulong i = 0; i < features; ++i) gains[names[i]] = scores[i];
  return gains;
}

std::string Booster::to_json() const {
  bst_ulong size = 0;
  const char* bytes = nullptr;
  check(XGBoosterSaveModelToBuffer(handle_, R"({"format": "json"})", &size,
                                   &bytes),
        "write the model");
  return {bytes, size};
}

std::vector<std::string> Booster::feature_names() const {
  bst_ulong size = 0;
  const char** names = nullptr;
  check(XGBoosterGetStrFeatureInfo(handle_, "feature_name", &size, &names),
        "name its features");
  return {names, names + size};
}

}  // namespace cape::predictor
