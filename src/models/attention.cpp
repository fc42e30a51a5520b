#include "models/attention.h"

#include <cmath>

#include "kernels/kernels.h"
#include "models/gemm.h"

namespace cape::models {
namespace {

using torch::Tensor;

/// The part of one head and one sample in rows x width: tokens x features.
class Heads {
 public:
  explicit Heads(const AttentionInput& input)
      : tokens(input.tokens),
        features(input.queries.size(1) / input.heads),
        count(input.queries.size(0) / input.tokens * input.heads),
        scale(1.0F / std::sqrt(static_cast<float>(features))),
        heads_(input.heads) {}

  Strided of(const Tensor& x, std::int64_t i) const {
    return {x.const_data_ptr<float>() + start(i), features * heads_};
  }
  float* to(const Tensor& x, std::int64_t i) const {
    return x.data_ptr<float>() + start(i);
  }
  kernels::Matrix weights() const { return {tokens, tokens}; }
  std::int64_t stride() const { return features * heads_; }

  const std::int64_t tokens, features, count;
  const float scale;

 private:
  std::int64_t start(std::int64_t i) const {
    return i / heads_ * tokens * stride() + i % heads_ * features;
  }

  const std::int64_t heads_;
};

}  // namespace

Attention attend(const AttentionInput& input, bool keep_weights) {
  const Heads heads(input);
  const std::int64_t t = heads.tokens, f = heads.features;
  Attention result{torch::empty_like(input.queries),
                   torch::empty({heads.count, t}), Tensor()};
  const Tensor weights = torch::empty({keep_weights ? heads.count : 1, t, t});
  if (keep_weights) result.weights = weights;
  for (std::int64_t i = 0; i < heads.count; ++i) {
    float* const p = weights.data_ptr<float>() + (keep_weights ? i * t * t : 0);
    gemm(heads.of(input.queries, i), heads.of(input.keys, i).transposed(),
         {t, t, f}, p, t);
    kernels::softmax(p, heads.weights(), heads.scale,
                     result.log_sums.data_ptr<float>() + i * t);
    gemm({p, t}, heads.of(input.values, i), {t, f, t},
         heads.to(result.output, i), heads.stride());
  }
  return result;
}

AttentionGradients attend_backward(const AttentionInput& input,
                                   const Attention& attention,
                                   const Tensor& d_output) {
  const Heads heads(input);
  const std::int64_t t = heads.tokens, f = heads.features;
  const AttentionGradients d{torch::empty_like(input.queries),
                             torch::empty_like(input.queries),
                             torch::empty_like(input.queries)};
  const Tensor again = torch::empty({t, t}), slope = torch::empty({t, t});
  float* const ds = slope.data_ptr<float>();
  for (std::int64_t i = 0; i < heads.count; ++i) {
    const Strided q = heads.of(input.queries, i), k = heads.of(input.keys, i),
                  v = heads.of(input.values, i), dy = heads.of(d_output, i);
    float* p = again.data_ptr<float>();
    if (attention.weights.defined()) {
      p = attention.weights.data_ptr<float>() + i * t * t;
    } else {
      gemm(q, k.transposed(), {t, t, f}, p, t);
      kernels::softmax_again(
          p, heads.weights(), heads.scale,
          attention.log_sums.const_data_ptr<float>() + i * t);
    }
    gemm(Strided{p, t}.transposed(), dy, {t, f, t}, heads.to(d.values, i),
         heads.stride());
    gemm(dy, v.transposed(), {t, t, f}, ds, t);
    kernels::softmax_backward(p, heads.weights(), heads.scale, ds);
    gemm({ds, t}, k, {t, f, t}, heads.to(d.queries, i), heads.stride());
    gemm(Strided{ds, t}.transposed(), q, {t, f, t}, heads.to(d.keys, i),
         heads.stride());
  }
  return d;
}

}  // namespace cape::models
