/// Loops over float32 arrays that LibTorch would make in several passes over
/// memory. Compiled for several x86-64 levels, the best chosen at start-up. No
/// Torch, no allocation beyond a few rows, one thread.
#pragma once

#include <cstdint>

#include "models/activation.h"

namespace cape::models::kernels {

/// Every element is zeroed with probability `rate`, the others are divided by
/// 1 - rate: a function of `key` and the element's index alone, so that the
/// backward pass finds the same elements without a mask.
struct Dropout {
  float rate = 0;
  std::uint64_t key = 0;
};

/// Row-major.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
};

/// Mean and biased variance of every column of `x`.
void column_moments(const float* x, Matrix shape, float* mean, float* variance);

/// y = dropout(activation(x scale + shift + residual)); scale and shift one a
/// column; residual, as x, may be null.
void affine_activation(const float* x, const float* residual,
                       const float* scale, const float* shift, Matrix shape,
                       Activation activation, const Dropout& dropout, float* y);

/// From the gradient `dy` of y = dropout(activation((x - mean) scale + shift +
/// residual)): d, the gradient of the activation's input, and per column sum(d)
/// and sum(d (x - mean)). With a residual the activation is not gelu.
void affine_activation_backward(const float* dy, const float* y, const float* x,
                                const float* mean, const float* scale,
                                const float* shift, Matrix shape,
                                Activation activation, const Dropout& dropout,
                                float* d, double* sum_d, double* sum_dx);

/// Every row of `x` standardised, times weight, plus bias.
void layer_norm(const float* x, const float* weight, const float* bias,
                Matrix shape, double epsilon, float* y);

/// From the gradient `dy` of layer_norm(x): dx, the gradient of x plus `added`,
/// and per column sum(dy) and sum(dy x^), with x^ the standardised x. Without
/// `dx` (null) the sums alone.
void layer_norm_backward(const float* dy, const float* x, const float* weight,
                         const float* added, Matrix shape, double epsilon,
                         float* dx, double* sum_dy, double* sum_dyx);

/// Every row of `x` becomes softmax(scale x), and log_sums the logarithms of
/// the sums of exponentials.
void softmax(float* x, Matrix shape, float scale, float* log_sums);

/// The same from the log_sums that softmax gave.
void softmax_again(float* x, Matrix shape, float scale, const float* log_sums);

/// `d`, the gradient of y = softmax(scale x), becomes that of x.
void softmax_backward(const float* y, Matrix shape, float scale, float* d);

/// y = a d + b x + c, coefficients one a column. y may be d.
void columns_combination(const float* d, const float* x, const float* a,
                         const float* b, const float* c, Matrix shape,
                         float* y);

/// The sum of squares of every row of `x`.
void row_squares(const float* x, Matrix shape, double* sums);

/// The lower triangle, with the diagonal, of x x^T: rows x rows; what is above
/// it stays as it is.
void gram(const float* x, Matrix shape, float* product);

/// The sum over all elements of a b, symmetric matrices of which only the
/// lower triangles are read.
double gram_dot(const float* a, const float* b, std::int64_t rows);

/// Per column of one sample sum(d) and sum(d (x - mean)).
void column_sums(const float* d, const float* x, const float* mean,
                 Matrix shape, double* sum_d, double* sum_dx);

/// One image, channels last, and the windows of a convolution over it.
struct Windows {
  std::int64_t height, width, channels;
  std::int64_t kernel, stride, padding;

  std::int64_t rows() const { return outputs(height); }
  std::int64_t columns() const { return outputs(width); }
  std::int64_t outputs(std::int64_t side) const {
    return (side + 2 * padding - kernel) / stride + 1;
  }
};

/// Every window as a row of kernel x kernel x channels; zeros beyond the edge.
void unfold(const float* image, const Windows& windows, float* rows);

/// The weight gradient of a depthwise convolution, kernel x kernel x channels:
/// sum over positions of g times the window. `g`: positions x channels.
void depthwise_gradient(const float* image, const float* g,
                        const Windows& windows, float* gradient);

/// One step of an LSTM. `gates`, rows x 4 hidden (input, forget, cell, output),
/// holds the pre-activations and receives the activated gates. Without a
/// previous cell state (null) it is zero.
void lstm_step(float* gates, const float* previous_cell, std::int64_t rows,
               std::int64_t hidden, float* cell, float* output);

/// Its backward pass, from the activated gates to the gradient of the
/// pre-activations. `d_cell` holds the gradient of this step's cell state that
/// comes from the next step, and receives that of the previous step's.
void lstm_step_backward(const float* gates, const float* previous_cell,
                        const float* cell, const float* d_output,
                        std::int64_t rows, std::int64_t hidden, float* d_gates,
                        float* d_cell);

/// One step of a GRU. `of_input` and `of_hidden`, rows x 3 hidden (reset,
/// update, candidate), hold the two projections, the latter without its bias
/// `bias`; of_input receives the activated gates, the candidate part of
/// of_hidden its bias. Without a previous output (null) it is zero.
void gru_step(float* of_input, float* of_hidden, const float* bias,
              const float* previous_output, std::int64_t rows,
              std::int64_t hidden, float* output);

/// Its backward pass: the gradients of the two projections, and of the
/// previous output, but for what goes through of_hidden.
void gru_step_backward(const float* of_input, const float* of_hidden,
                       const float* previous_output, const float* d_output,
                       std::int64_t rows, std::int64_t hidden,
                       float* d_of_input, float* d_of_hidden,
                       float* d_previous);

}  // namespace cape::models::kernels
