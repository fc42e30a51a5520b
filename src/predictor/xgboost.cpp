#include "predictor/xgboost.h"

#include <fmt/format.h>
#include <xgboost/c_api.h>

#include <limits>
#include <utility>

#include "core/error.h"

namespace cape {
namespace {

/// Below these the threads of a pool spend more time waiting for each other
/// than they save, on a busy machine many times more.
constexpr std::size_t kRowsForAllThreads = 100'000;

/// In XGBoost's terms: 0 is every core, or what OMP_NUM_THREADS says.
int threads_for(const Matrix& x) { return x.rows < kRowsForAllThreads ? 1 : 0; }

void check(int status, const char* action) {
  if (status != 0) fail("XGBoost cannot {}: {}", action, XGBGetLastError());
}

/// A DMatrix of its own copy of the data.
class DataMatrix {
 public:
  explicit DataMatrix(const Matrix& x) {
    check(XGDMatrixCreateFromMat_omp(x.values.data(), x.rows, x.columns,
                                     std::numeric_limits<float>::quiet_NaN(),
                                     &handle_, 0),
          "take the features");
  }
  ~DataMatrix() { XGDMatrixFree(handle_); }
  DataMatrix(const DataMatrix&) = delete;
  DataMatrix& operator=(const DataMatrix&) = delete;

  void set_target(std::span<const float> target) {
    check(XGDMatrixSetFloatInfo(handle_, "label", target.data(), target.size()),
          "take the target");
  }
  DMatrixHandle get() const { return handle_; }

 private:
  DMatrixHandle handle_ = nullptr;
};

void set(BoosterHandle booster, const char* name, const std::string& value) {
  check(XGBoosterSetParam(booster, name, value.c_str()), "take a setting");
}

void configure(BoosterHandle booster, const BoosterSettings& settings) {
  set(booster, "objective", "reg:squarederror");
  set(booster, "tree_method", "hist");
  set(booster, "max_depth", fmt::to_string(settings.depth));
  set(booster, "learning_rate", fmt::to_string(settings.learning_rate));
  set(booster, "subsample", fmt::to_string(settings.subsample));
  set(booster, "colsample_bytree", fmt::to_string(settings.colsample_bytree));
  set(booster, "reg_lambda", fmt::to_string(settings.lambda));
  set(booster, "reg_alpha", fmt::to_string(settings.alpha));
  set(booster, "seed", fmt::to_string(settings.seed));
}

void name_features(BoosterHandle booster, std::span<const std::string> names) {
  std::vector<const char*> texts;
  for (const std::string& name : names) texts.push_back(name.c_str());
  check(XGBoosterSetStrFeatureInfo(booster, "feature_name", texts.data(),
                                   texts.size()),
        "name the features");
}

}  // namespace

Booster Booster::train(const Matrix& x, std::span<const float> target,
                       std::span<const std::string> names,
                       const BoosterSettings& settings) {
  if (target.size() != x.rows || names.size() != x.columns) {
    fail("cannot fit {} x {} features named by {} names to {} targets", x.rows,
         x.columns, names.size(), target.size());
  }
  DataMatrix data(x);
  data.set_target(target);
  const DMatrixHandle handle = data.get();
  Booster booster(nullptr);
  check(XGBoosterCreate(&handle, 1, &booster.handle_), "start a model");
  configure(booster.handle_, settings);
  set(booster.handle_, "nthread", fmt::to_string(threads_for(x)));
  for (int i = 0; i < settings.trees; ++i) {
    check(XGBoosterUpdateOneIter(booster.handle_, i, handle), "grow a tree");
  }
  name_features(booster.handle_, names);
  return booster;
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

std::vector<float> Booster::predict(const Matrix& x) const {
  const DataMatrix data(x);
  set(handle_, "nthread", fmt::to_string(threads_for(x)));
  const bst_ulong* shape = nullptr;
  bst_ulong dimensions = 0;
  const float* values = nullptr;
  check(XGBoosterPredictFromDMatrix(
            handle_, data.get(),
            R"({"type": 0, "training": false, "iteration_begin": 0,
                "iteration_end": 0, "strict_shape": false})",
            &shape, &dimensions, &values),
        "predict");
  return {values, values + x.rows};
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

}  // namespace cape
