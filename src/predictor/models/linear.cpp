#include "predictor/models/linear.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <cmath>
#include <numeric>

namespace cape::predictor {
namespace {

/// Deviations smaller than this, relative to the mean, are rounding errors.
constexpr double kLeastDeviation = 1e-6;

}  // namespace

Standardiser::Standardiser(const Matrix& x)
    : means(x.columns), deviations(x.columns, 1) {
  for (std::size_t j = 0; j < x.columns; ++j) {
    double count = 0;
    double sum = 0;
    for (std::size_t i = 0; i < x.rows; ++i) {
      if (std::isnan(x.at(i, j))) continue;
      sum += x.at(i, j);
      ++count;
    }
    if (count == 0) continue;
    means[j] = sum / count;
    double squares = 0;
    for (std::size_t i = 0; i < x.rows; ++i) {
      if (std::isnan(x.at(i, j))) continue;
      squares += (x.at(i, j) - means[j]) * (x.at(i, j) - means[j]);
    }
    const double deviation = std::sqrt(squares / count);
    if (deviation > kLeastDeviation * std::fmax(1, std::abs(means[j]))) {
      deviations[j] = deviation;
    }
  }
}

Matrix Standardiser::operator()(const Matrix& x) const {
  Matrix scaled(x.rows, x.columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t j = 0; j < x.columns; ++j) {
      const double value = (x.at(i, j) - means[j]) / deviations[j];
      scaled.at(i, j) = std::isnan(value) ? 0 : static_cast<float>(value);
    }
  }
  return scaled;
}

double LinearModel::predict(std::span<const float> row) const {
  double predicted = intercept;
  for (std::size_t j = 0; j < row.size(); ++j) {
    predicted += weights[j] * (std::isnan(row[j]) ? means[j] : row[j]);
  }
  return predicted;
}

std::vector<double> LinearModel::predict(const Matrix& x) const {
  std::vector<double> predicted;
  predicted.reserve(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    predicted.push_back(predict(x.row(i)));
  }
  return predicted;
}

LinearModel fit_linear(const Matrix& x, std::span<const float> target,
                       std::span<const double> penalties) {
  const Standardiser standardise(x);
  const Matrix scaled = standardise(x);
  const auto columns = static_cast<Eigen::Index>(x.columns);
  const double mean = std::accumulate(target.begin(), target.end(), 0.0) /
                      static_cast<double>(target.size());
  Eigen::MatrixXd gram = Eigen::MatrixXd::Zero(columns, columns);
  Eigen::VectorXd moment = Eigen::VectorXd::Zero(columns);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const Eigen::VectorXd row =
        Eigen::Map<const Eigen::VectorXf>(scaled.row(i).data(), columns)
            .cast<double>();
    gram.noalias() += row * row.transpose();
    moment += (target[i] - mean) * row;
  }
  for (Eigen::Index j = 0; j < columns; ++j) {
    const double penalty = penalties[static_cast<std::size_t>(j)];
    if (std::isinf(penalty) || gram(j, j) == 0) {
      gram.row(j).setZero();
      gram.col(j).setZero();
      gram(j, j) = 1;
      moment(j) = 0;
    } else {
      gram(j, j) += penalty;
    }
  }
  const Eigen::VectorXd solution = gram.ldlt().solve(moment);
  LinearModel model{.weights = std::vector<double>(x.columns),
                    .means = {},
                    .intercept = mean};
  for (const double value : standardise.means) {
    // In float, as the features are, so that other programs can fill in the
    // same values.
    model.means.push_back(static_cast<float>(value));
  }
  for (std::size_t j = 0; j < x.columns; ++j) {
    model.weights[j] =
        solution(static_cast<Eigen::Index>(j)) / standardise.deviations[j];
    model.intercept -= model.weights[j] * standardise.means[j];
  }
  return model;
}

}  // namespace cape::predictor
