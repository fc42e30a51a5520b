/// The figures of the paper "CAPE: Generalized Convergence Prediction Across
/// Architectures Without Full Training", for comparison.
#pragma once

#include <array>
#include <string_view>

namespace cape::predictor::paper {

inline constexpr std::array<std::string_view, 4> kFamilies = {
    "mlp", "cnn", "rnn", "transformer"};

struct Table1Row {
  std::string_view family, method;
  double mae, rmse, median_ae, r2, avg_accuracy;
};

inline constexpr std::array<Table1Row, 16> kTable1 = {{
    {"mlp", "NTKL", 5.18, 6.96, 4.23, 0.07, 0.52},
    {"mlp", "SL", 4.80, 6.03, 4.13, 0.30, 0.53},
    {"mlp", "LCE", 4.73, 6.64, 3.57, 0.15, 0.58},
    {"mlp", "CAPE", 3.79, 4.72, 3.32, 0.57, 0.64},
    {"rnn", "NTKL", 15.51, 20.68, 12.94, 0.02, 0.52},
    {"rnn", "SL", 7.03, 10.01, 5.23, 0.77, 0.77},
    {"rnn", "LCE", 22.67, 28.72, 17.93, -0.9, 0.44},
    {"rnn", "CAPE", 4.21, 6.16, 2.88, 0.91, 0.88},
    {"cnn", "NTKL", 9.13, 12.40, 7.25, 0.23, 0.57},
    {"cnn", "SL", 4.46, 6.13, 3.29, 0.81, 0.78},
    {"cnn", "LCE", 3.14, 4.23, 2.40, 0.91, 0.81},
    {"cnn", "CAPE", 2.86, 4.06, 2.00, 0.92, 0.87},
    {"transformer", "NTKL", 16.38, 20.77, 14.69, 0.03, 0.48},
    {"transformer", "SL", 16.33, 20.69, 14.66, 0.04, 0.48},
    {"transformer", "LCE", 16.85, 21.90, 13.88, -0.07, 0.5},
    {"transformer", "CAPE", 9.03, 12.89, 6.19, 0.63, 0.68},
}};

inline constexpr std::array<std::string_view, 4> kTable2Datasets = {
    "cifar10", "cifar100", "fashion_mnist", "mnist"};

struct Table2Row {
  std::string_view without;   ///< a feature; empty: none is left out
  std::array<double, 4> mae;  ///< in the order of kTable2Datasets
};

inline constexpr std::array<Table2Row, 7> kTable2 = {{
    {"", {2.24, 2.65, 3.99, 4.14}},
    {"log_b", {4.44, 5.13, 5.7, 5.17}},
    {"log_g2", {2.43, 2.73, 4.16, 4.26}},
    {"log_lr", {5.13, 7.62, 7.64, 8.15}},
    // The paper's row is named "log N", but its script leaves out log eta as
    // well.
    {"log_n, log_lr", {5.79, 7.38, 7.81, 8.75}},
    {"log_p", {4.72, 5.86, 6.75, 7.53}},
    {"log_tau", {2.36, 3.51, 4.12, 4.48}},
}};

struct Table3Row {
  std::string_view dataset, method;
  double mae, avg_accuracy;
};

inline constexpr std::array<Table3Row, 8> kTable3 = {{
    {"imdb", "NTKL", 35.59, 0.46},
    {"imdb", "SL", 30.76, 0.53},
    {"imdb", "LCE", 40.83, 0.48},
    {"imdb", "CAPE", 25.63, 0.68},
    {"svhn", "NTKL", 36.76, 0.49},
    {"svhn", "SL", 52.93, 0.35},
    {"svhn", "LCE", 77.63, 0.33},
    {"svhn", "CAPE", 31.64, 0.51},
}};

struct Table4Row {
  std::string_view regressor;  ///< as paper_regressors() names it
  std::array<double, 4> mae;   ///< in the order of kFamilies
};

inline constexpr std::array<Table4Row, 6> kTable4 = {{
    {"xgboost_500", {1.98, 2.89, 3.79, 8.71}},
    {"random_forest", {2.27, 3.04, 3.99, 9.08}},
    {"mlp_regressor", {3.42, 4.05, 5.69, 10.47}},
    {"svr", {3.68, 7.45, 7.48, 12.66}},
    {"ridge", {3.72, 8.31, 7.98, 10.77}},
    {"linear", {3.82, 8.30, 7.90, 11.12}},
}};

}  // namespace cape::predictor::paper
