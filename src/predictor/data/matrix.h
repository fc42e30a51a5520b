/// A dense matrix of floats, row by row: rows are trials, columns are features.
#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace cape::predictor {

/// A feature that a row does not have.
constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

struct Matrix {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<float> values;  ///< rows x columns

  Matrix(std::size_t row_count, std::size_t column_count)
      : rows(row_count),
        columns(column_count),
        values(row_count * column_count) {}

  float& at(std::size_t row, std::size_t column) {
    return values[row * columns + column];
  }
  float at(std::size_t row, std::size_t column) const {
    return values[row * columns + column];
  }
  std::span<const float> row(std::size_t index) const {
    return {values.data() + index * columns, columns};  // also without columns
  }
};

}  // namespace cape::predictor
