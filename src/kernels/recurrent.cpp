#include "kernels/kernels.h"
#include "kernels/math.h"

namespace cape::kernels {

CAPE_CLONES void lstm_step(float* gates, const float* previous_cell,
                           std::int64_t rows, std::int64_t hidden, float* cell,
                           float* output) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* const g = gates + row * 4 * hidden;
    const std::int64_t start = row * hidden;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float input = sigmoid(g[i]);
      const float forget = sigmoid(g[hidden + i]);
      const float candidate = hyperbolic_tangent(g[2 * hidden + i]);
      const float open = sigmoid(g[3 * hidden + i]);
      const float before =
          previous_cell != nullptr ? previous_cell[start + i] : 0.0F;
      const float c = forget * before + input * candidate;
      g[i] = input;
      g[hidden + i] = forget;
      g[2 * hidden + i] = candidate;
      g[3 * hidden + i] = open;
      cell[start + i] = c;
      output[start + i] = open * hyperbolic_tangent(c);
    }
  }
}

CAPE_CLONES void lstm_step_backward(const float* gates,
                                    const float* previous_cell,
                                    const float* cell, const float* d_output,
                                    std::int64_t rows, std::int64_t hidden,
                                    float* d_gates, float* d_cell) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* const g = gates + row * 4 * hidden;
    float* const d = d_gates + row * 4 * hidden;
    const std::int64_t start = row * hidden;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float input = g[i];
      const float forget = g[hidden + i];
      const float candidate = g[2 * hidden + i];
      const float open = g[3 * hidden + i];
      const float before =
          previous_cell != nullptr ? previous_cell[start + i] : 0.0F;
      const float bounded = hyperbolic_tangent(cell[start + i]);
      const float dh = d_output[start + i];
      const float dc =
          d_cell[start + i] + dh * open * (1.0F - bounded * bounded);
      d[i] = dc * candidate * input * (1.0F - input);
      d[hidden + i] = dc * before * forget * (1.0F - forget);
      d[2 * hidden + i] = dc * input * (1.0F - candidate * candidate);
      d[3 * hidden + i] = dh * bounded * open * (1.0F - open);
      d_cell[start + i] = dc * forget;
    }
  }
}

CAPE_CLONES void gru_step(float* of_input, float* of_hidden, const float* bias,
                          const float* previous_output, std::int64_t rows,
                          std::int64_t hidden, float* output) {
  for (std::int64_t row = 0; row < rows; ++row) {
    float* const x = of_input + row * 3 * hidden;
    float* const h = of_hidden + row * 3 * hidden;
    const std::int64_t start = row * hidden;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float reset = sigmoid(x[i] + h[i] + bias[i]);
      const float update =
          sigmoid(x[hidden + i] + h[hidden + i] + bias[hidden + i]);
      const float recurrent = h[2 * hidden + i] + bias[2 * hidden + i];
      const float candidate =
          hyperbolic_tangent(x[2 * hidden + i] + reset * recurrent);
      const float before =
          previous_output != nullptr ? previous_output[start + i] : 0.0F;
      x[i] = reset;
      x[hidden + i] = update;
      x[2 * hidden + i] = candidate;
      h[2 * hidden + i] = recurrent;
      output[start + i] = candidate + update * (before - candidate);
    }
  }
}

CAPE_CLONES void gru_step_backward(const float* of_input,
                                   const float* of_hidden,
                                   const float* previous_output,
                                   const float* d_output, std::int64_t rows,
                                   std::int64_t hidden, float* d_of_input,
                                   float* d_of_hidden, float* d_previous) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* const x = of_input + row * 3 * hidden;
    const float* const h = of_hidden + row * 3 * hidden;
    float* const d_x = d_of_input + row * 3 * hidden;
    float* const d_h = d_of_hidden + row * 3 * hidden;
    const std::int64_t start = row * hidden;
#pragma GCC ivdep
    for (std::int64_t i = 0; i < hidden; ++i) {
      const float reset = x[i];
      const float update = x[hidden + i];
      const float candidate = x[2 * hidden + i];
      const float before =
          previous_output != nullptr ? previous_output[start + i] : 0.0F;
      const float d = d_output[start + i];
      const float d_candidate =
          d * (1.0F - update) * (1.0F - candidate * candidate);
      const float d_update =
          d * (before - candidate) * update * (1.0F - update);
      const float d_reset =
          d_candidate * h[2 * hidden + i] * reset * (1.0F - reset);
      d_x[i] = d_reset;
      d_x[hidden + i] = d_update;
      d_x[2 * hidden + i] = d_candidate;
      d_h[i] = d_reset;
      d_h[hidden + i] = d_update;
      d_h[2 * hidden + i] = d_candidate * reset;
      d_previous[start + i] = d * update;
    }
  }
}

}  // namespace cape::kernels
