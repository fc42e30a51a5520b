/// XGBoost's C API behind one class. The API appears in xgboost.cpp alone.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "predictor/matrix.h"

namespace cape {

/// The defaults are the paper's. Squared error; histogram trees, the default
/// of Python's xgboost since 2.0.
struct BoosterSettings {
  int trees = 200;
  int depth = 4;
  double learning_rate = 0.05;
  double subsample = 0.9;
  double colsample_bytree = 0.9;
  double lambda = 1;
  double alpha = 0;
  std::uint64_t seed = 42;
};

/// A fitted ensemble of regression trees. All members throw Error with
/// XGBoost's message when XGBoost fails.
class Booster {
 public:
  /// Fits `target` (one value a row of `x`); `names` are the columns'. Uses all
  /// cores for a large `x`; the result is the same for any number of them.
  static Booster train(const Matrix& x, std::span<const float> target,
                       std::span<const std::string> names,
                       const BoosterSettings& settings);

  /// A model in XGBoost's JSON format.
  static Booster from_json(std::string_view json);

  Booster(Booster&& other) noexcept;
  Booster& operator=(Booster&& other) noexcept;
  ~Booster();

  /// One prediction a row of `x`, whose columns are those of the training.
  std::vector<float> predict(const Matrix& x) const;

  /// XGBoost's JSON format, feature names included.
  std::string to_json() const;

  std::vector<std::string> feature_names() const;

 private:
  explicit Booster(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace cape
