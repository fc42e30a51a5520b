#include "predictor/evaluation/svr.h"

#include <libsvm/svm.h>

#include <cmath>
#include <cstdint>

#include "core/error.h"

namespace cape::predictor {
namespace {

constexpr double kCacheMegabytes = 400;

/// The variance of all values together, from which gamma "scale" is computed.
double variance(const Matrix& x) {
  double sum = 0;
  double squares = 0;
  for (const float value : x.values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  const auto count = static_cast<double>(x.values.size());
  return squares / count - (sum / count) * (sum / count);
}

}  // namespace

struct SupportVectorRegression::Fitted {
  /// Rows in libsvm's form; they must live as long as a model that is fitted on
  /// them.
  class Nodes {
   public:
    explicit Nodes(const Matrix& x) : nodes_(x.rows * (x.columns + 1)) {
      for (std::size_t i = 0; i < x.rows; ++i) {
        svm_node* const row = &nodes_[i * (x.columns + 1)];
        for (std::size_t j = 0; j < x.columns; ++j) {
          row[j] = {static_cast<int>(j) + 1, x.at(i, j)};
        }
        row[x.columns] = {-1, 0};  // the end
        rows_.push_back(row);
      }
    }
    svm_node** rows() { return rows_.data(); }

   private:
    std::vector<svm_node> nodes_;
    std::vector<svm_node*> rows_;
  };

  explicit Fitted(const Matrix& x) : nodes(x) {}
  ~Fitted() { svm_free_and_destroy_model(&model); }
  Fitted(const Fitted&) = delete;
  Fitted& operator=(const Fitted&) = delete;

  Nodes nodes;
  svm_model* model = nullptr;
};

SupportVectorRegression::SupportVectorRegression(const Matrix& x,
                                                 std::span<const float> target,
                                                 const SvrSettings& settings)
    : standardise_(x) {
  const Matrix scaled = standardise_(x);
  fitted_ = std::make_unique<Fitted>(scaled);
  std::vector<double> targets(target.begin(), target.end());
  const svm_problem problem = {static_cast<int>(x.rows), targets.data(),
                               fitted_->nodes.rows()};
  svm_parameter parameter = {};
  parameter.svm_type = EPSILON_SVR;
  parameter.kernel_type = RBF;
  parameter.gamma = 1 / (static_cast<double>(x.columns) * variance(scaled));
  parameter.cache_size = kCacheMegabytes;
  parameter.eps = 1e-3;
  parameter.C = settings.c;
  parameter.p = settings.epsilon;
  parameter.shrinking = 1;
  if (const char* wrong = svm_check_parameter(&problem, &parameter)) {
    fail("libsvm refuses its settings: {}", wrong);
  }
  svm_set_print_string_function([](const char*) {});
  fitted_->model = svm_train(&problem, &parameter);
}

SupportVectorRegression::~SupportVectorRegression() = default;
SupportVectorRegression::SupportVectorRegression(
    SupportVectorRegression&&) noexcept = default;

std::vector<double> SupportVectorRegression::predict(const Matrix& x) const {
  Fitted::Nodes nodes(standardise_(x));
  std::vector<double> predicted;
  predicted.reserve(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    predicted.push_back(svm_predict(fitted_->model, nodes.rows()[i]));
  }
  return predicted;
}

}  // namespace cape::predictor
