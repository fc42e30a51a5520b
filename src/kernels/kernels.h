/// Loops over float32 arrays for which LibTorch would need several passes over
/// memory. They are compiled for several x86-64 levels, of which the best is
/// chosen at the start. No Torch, one thread, and no allocation of more than a
/// few rows.
#pragma once

#include <cstdint>

#include "kernels/activation.h"

namespace cape::kernels {

/// Every element is set to zero with probability `rate`; the others are divided
/// by 1 - rate. Which elements depends only on `key` and the element's index,
/// so the backward pass finds the same elements without a mask.
struct Dropout {
  float rate = 0;
  std::uint64_t key = 0;
};

/// A row-major matrix.
struct Matrix {
  std::int64_t rows;
  std::int64_t columns;
};

/// Mean and biased variance of every column of `x`.
void column_moments(const float* x, Matrix shape, float* mean, float* variance);

/// y = dropout(activation(x scale + shift + residual)). There is one scale and
/// one shift for each column; residual has the shape of x and may be null.
void affine_activation(const float* x, const float* residual,
                       const float* scale, const float* shift, Matrix shape,
                       Activation activation, const Dropout& dropout, float* y);

/// From the gradient `dy` of y = dropout(activation((x - mean) scale + shift +
/// residual)): d, the gradient of the activation's input, and for each column
/// sum(d) and sum(d (x - mean)). With a residual the activation must not be
/// gelu.
void affine_activation_backward(const float* dy, const float* y, const float* x,
                                const float* mean, const float* scale,
                                const float* shift, Matrix shape,
                                Activation activation, const Dropout& dropout,
                                float* d, double* sum_d, double* sum_dx);

/// Standardises every row of `x`, multiplies by weight and adds bias.
void layer_norm(const float* x, const float* weight, const float* bias,
                Matrix shape, double epsilon, float* y);

/// From the gradient `dy` of layer_norm(x): dx, the gradient of x, plus
/// `added`; and for each column sum(dy) and sum(dy x^), where x^ is the
/// standardised x. If `dx` is null, only the sums.
void layer_norm_backward(const float* dy, const float* x, const float* weight,
                         const float* added, Matrix shape, double epsilon,
                         float* dx, double* sum_dy, double* sum_dyx);

/// Replaces every row of `x` by softmax(scale x), and sets log_sums to the
/// logarithms of the sums of exponentials.
void softmax(float* x, Matrix shape, float scale, float* log_sums);

/// The same, with the log_sums that softmax gave.
void softmax_again(float* x, Matrix shape, float scale, const float* log_sums);

/// Replaces `d`, the gradient of y = softmax(scale x), by that of x.
void softmax_backward(const float* y, Matrix shape, float scale, float* d);

/// y = a d + b x + c with coefficients for each column. y may be d.
void columns_combination(const float* d, const float* x, const float* a,
                         const float* b, const float* c, Matrix shape,
                         float* y);

/// The sum of squares of every row of `x`.
void row_squares(const float* x, Matrix shape, double* sums);

/// A matrix whose neighbours in a column and in a row are that far apart.
struct StridedMatrix {
  const float* data;
  std::int64_t rows, columns;
  std::int64_t row_stride, column_stride;
};

/// c = a b, by columns. Every element is the sum that a plain loop over the
/// terms gives, to the bit, whatever the level and the other rows and columns.
/// Takes memory for a copy of 256 rows of b.
void product(const StridedMatrix& a, const StridedMatrix& b, float* c);

/// x sigmoid(x), and its derivatives. Every element is the same to the bit,
/// whatever the level and its place.
void silu(const float* x, std::int64_t count, float* values, float* slopes);

/// The lower triangle, with the diagonal, of x x^T: rows x rows. The elements
/// above it are not changed.
void gram(const float* x, Matrix shape, float* product);

/// The sum over all elements of a b, for symmetric matrices. Only the lower
/// triangles are read.
double gram_dot(const float* a, const float* b, std::int64_t rows);

/// For each column of one sample: sum(d) and sum(d (x - mean)).
void column_sums(const float* d, const float* x, const float* mean,
                 Matrix shape, double* sum_d, double* sum_dx);

/// One image, channels last, and the windows of a convolution on it.
struct Windows {
  std::int64_t height, width, channels;
  std::int64_t kernel, stride, padding;

  std::int64_t rows() const { return outputs(height); }
  std::int64_t columns() const { return outputs(width); }
  std::int64_t outputs(std::int64_t side) const {
    return (side + 2 * padding - kernel) / stride + 1;
  }
};

/// Every window as a row of kernel x kernel x channels, with zeros beyond the
/// edge.
void unfold(const float* image, const Windows& windows, float* rows);

/// The weight gradient of a depthwise convolution, kernel x kernel x channels:
/// sum over positions of g times the window. `g`: positions x channels.
void depthwise_gradient(const float* image, const float* g,
                        const Windows& windows, float* gradient);

/// One step of an LSTM. `gates`, rows x 4 hidden (input, forget, cell, output),
/// contains the pre-activations and is replaced by the activated gates. The
/// previous cell state may be null, which means zero.
void lstm_step(float* gates, const float* previous_cell, std::int64_t rows,
               std::int64_t hidden, float* cell, float* output);

/// The backward pass of lstm_step, from the activated gates to the gradient of
/// the pre-activations. `d_cell` contains the gradient of this step's cell
/// state that comes from the next step, and is replaced by that of the previous
/// step's.
void lstm_step_backward(const float* gates, const float* previous_cell,
                        const float* cell, const float* d_output,
                        std::int64_t rows, std::int64_t hidden, float* d_gates,
                        float* d_cell);

/// One step of a GRU. `of_input` and `of_hidden`, rows x 3 hidden (reset,
/// update, candidate), contain the two projections; the bias `bias` is not yet
/// added to the latter. of_input is replaced by the activated gates; the bias
/// is added to the candidate part of of_hidden. The previous output may be
/// null, which means zero.
void gru_step(float* of_input, float* of_hidden, const float* bias,
              const float* previous_output, std::int64_t rows,
              std::int64_t hidden, float* output);

/// The backward pass of gru_step: the gradients of the two projections and of
/// the previous output, without the part that goes through of_hidden.
void gru_step_backward(const float* of_input, const float* of_hidden,
                       const float* previous_output, const float* d_output,
                       std::int64_t rows, std::int64_t hidden,
                       float* d_of_input, float* d_of_hidden,
                       float* d_previous);

}  // namespace cape::kernels
