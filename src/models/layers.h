/// The layers that the networks are made of. Their parameters are uninitialised
/// until a function of models/initialize.h has filled them, so that a network
/// draws each weight once.
#pragma once

#include <cstdint>

#include "models/recording.h"
#include "models/torch.h"

namespace cape::models {

/// Whether the loops of kernels/kernels.h can be used for `x`: float32 on the
/// CPU.
bool is_for_kernels(const torch::Tensor& x);

/// samples x ... x inputs -> samples x ... x outputs.
/// weight: sum over samples and positions of g a^T; bias: of g.
class Linear : public Layer {
 public:
  Linear(std::int64_t inputs, std::int64_t outputs, bool has_bias = true);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;  ///< outputs x inputs
  torch::Tensor bias;    ///< outputs; undefined without one
};

/// samples x C x H x W -> samples x O x H' x W', fastest with channels last.
/// weight and bias: as for Linear, where the positions are those of the output,
/// and `a` is the unfolded window at each position, of the output's group.
class Conv2d : public Layer {
 public:
  struct Options {
    std::int64_t kernel = 3;
    std::int64_t stride = 1;
    std::int64_t padding = 0;
    std::int64_t groups = 1;
    bool bias = true;
  };

  Conv2d(std::int64_t channels, std::int64_t outputs, const Options& options);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;  ///< outputs x channels / groups x kernel x kernel
  torch::Tensor bias;    ///< outputs; undefined without one
  const Options options;

 private:
  torch::Tensor convolve_pixels_by_group(const torch::Tensor& input) const;
};

/// samples x T x D -> samples x T' x O. weight and bias: as for Conv2d, where
/// the windows are over T.
class Conv1d : public Layer {
 public:
  Conv1d(std::int64_t features, std::int64_t outputs,
         const Conv2d::Options& options);
  torch::Tensor forward(const torch::Tensor& input) const;
  /// samples x T' x D x kernel, with zeros beyond the ends.
  torch::Tensor windows(const torch::Tensor& input) const;

  torch::Tensor weight;  ///< outputs x features / groups x kernel
  torch::Tensor bias;    ///< outputs; undefined without one
  const Conv2d::Options options;
};

/// samples x features x ... . In evaluation mode, with x^ the input
/// standardised by the running statistics, weight: sum over samples and
/// positions of g x^; bias: of g.
class BatchNorm : public Layer {
 public:
  static constexpr double kEpsilon = 1e-5;
  static constexpr double kMomentum = 0.1;

  explicit BatchNorm(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;
  torch::Tensor bias;
  torch::Tensor running_mean;
  torch::Tensor running_var;
};

/// samples x ... x features. With x^ the input standardised over its last
/// dimension, weight: sum over samples and positions of g x^; bias: of g.
class LayerNorm : public Layer {
 public:
  static constexpr double kEpsilon = 1e-5;

  explicit LayerNorm(std::int64_t features);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;
  torch::Tensor bias;
};

/// Makes each number 0 with probability `rate` in training mode, and divides
/// the others by 1 - rate. It is a module, so that it has a mode of its own.
class Dropout : public torch::nn::Module {
 public:
  explicit Dropout(double rate) : rate_(rate) {}
  torch::Tensor forward(const torch::Tensor& input) const;

  /// In this mode: 0 in evaluation mode.
  double rate() const { return is_training() ? rate_ : 0; }
  double rate_in_training() const { return rate_; }

 private:
  const double rate_;
};

/// samples x features x ... . With x^ the input standardised over each group of
/// features and all positions of a sample, weight: sum over samples and
/// positions of g x^; bias: of g.
class GroupNorm : public Layer {
 public:
  static constexpr double kEpsilon = 1e-5;

  GroupNorm(std::int64_t groups, std::int64_t features);
  torch::Tensor forward(const torch::Tensor& input) const;

  torch::Tensor weight;
  torch::Tensor bias;
  const std::int64_t groups;
};

/// Tokens, samples x T whole numbers, to rows of `weight`: samples x T x
/// features. weight: sum over t of g_t at the row of token t.
class TokenEmbedding : public Layer {
 public:
  TokenEmbedding(std::int64_t vocabulary, std::int64_t features);
  torch::Tensor forward(const torch::Tensor& tokens) const;

  torch::Tensor weight;  ///< vocabulary x features, normal of deviation 1
};

/// A parameter that every sample gets: class token, positions. value: sum over
/// samples of g.
class LearnedTensor : public Layer {
 public:
  explicit LearnedTensor(at::IntArrayRef shape);
  /// samples x shape.
  torch::Tensor forward(std::int64_t samples) const;

  torch::Tensor value;
};

/// Tokens, samples x tokens x width; `heads` divides `width`. This is PyTorch's
/// MultiheadAttention without dropout. Its joint projection is split into three
/// layers, so that no gradient has to be put together from parts.
class SelfAttention : public torch::nn::Module {
 public:
  SelfAttention(std::int64_t width, std::int64_t heads);
  torch::Tensor forward(const torch::Tensor& input) const;

  std::shared_ptr<Linear> queries, keys, values;  ///< width -> width
  std::shared_ptr<Linear> output_projection;
  const std::int64_t heads;
};

}  // namespace cape::models
