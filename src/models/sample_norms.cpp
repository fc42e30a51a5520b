#include "models/sample_norms.h"

#include <unordered_map>
#include <utility>

#include "core/error.h"
#include "kernels/kernels.h"
#include "models/layers.h"

namespace cape::models {
namespace {

using torch::Tensor;

/// Sum of squares over all dimensions but the first.
Tensor squares(const Tensor& x) {
  if (is_for_kernels(x)) {
    const Tensor rows = x.reshape({x.size(0), -1}).contiguous();
    const Tensor sums = torch::empty({x.size(0)}, torch::kDouble);
    kernels::row_squares(rows.const_data_ptr<float>(),
                         {rows.size(0), rows.size(1)}, sums.data_ptr<double>());
    return sums;
  }
  return x.flatten(1).square().sum(1, false, torch::kDouble);
}

/// One zero for each sample of `x`, on the same device.
Tensor zeros_like_norms(const Tensor& x) {
  return torch::zeros({x.size(0)}, x.options().dtype(torch::kDouble));
}

/// x x^T of every sample: samples x T x T. The kernel fills only lower
/// triangles.
Tensor gram(const Tensor& x) {
  if (!is_for_kernels(x)) return torch::bmm(x, x.transpose(1, 2));
  const Tensor rows = x.contiguous();
  const Tensor product =
      torch::empty({rows.size(0), rows.size(1), rows.size(1)});
  for (std::int64_t s = 0; s < rows.size(0); ++s) {
    kernels::gram(rows[s].const_data_ptr<float>(), {rows.size(1), rows.size(2)},
                  product[s].data_ptr<float>());
  }
  return product;
}

/// The inner products of the samples' Gram matrices.
Tensor gram_dots(const Tensor& a, const Tensor& b) {
  if (!is_for_kernels(a)) return (a * b).sum({1, 2}, false, torch::kDouble);
  const Tensor dots = torch::empty({a.size(0)}, torch::kDouble);
  for (std::int64_t s = 0; s < a.size(0); ++s) {
    dots[s] = kernels::gram_dot(a[s].const_data_ptr<float>(),
                                b[s].const_data_ptr<float>(), a.size(1));
  }
  return dots;
}

/// Keeps gram() of the latest input, since layers that share an input come one
/// after the other.
class InputGram {
 public:
  const Tensor& operator()(const Tensor& input) {
    if (!input_.is_same(input)) {
      gram_ = gram(input);
      input_ = input;
    }
    return gram_;
  }

 private:
  Tensor input_, gram_;
};

/// All uses of one layer: the inputs, and for each value the output gradients.
struct Uses {
  std::vector<Tensor> inputs;
  std::vector<std::vector<Tensor>> gradients;  ///< values x uses
  InputGram* input_gram;
};

/// samples x ... x features -> samples x positions x features, with the
/// positions of all uses one after the other, so that a sum over uses is a sum
/// over positions.
Tensor positions_of(const std::vector<Tensor>& uses) {
  if (uses.size() == 1 && uses.front().dim() == 3) return uses.front();
  std::vector<Tensor> parts;
  parts.reserve(uses.size());
  for (const Tensor& use : uses) {
    parts.push_back(use.reshape({use.size(0), -1, use.size(-1)}));
  }
  return parts.size() == 1 ? parts.front() : torch::cat(parts, 1);
}

/// || sum_t g_t a_t^T ||^2 of each sample; a: samples x T x I, g: samples x T x
/// O. Computes the product itself or the two T x T Gram matrices, whichever is
/// cheaper.
class WeightNorms {
 public:
  WeightNorms(Tensor inputs, InputGram& gram)
      : a_(std::move(inputs)), gram_(gram) {}

  Tensor operator()(const Tensor& g) {
    const std::int64_t t = a_.size(1);
    const std::int64_t i = a_.size(2);
    const std::int64_t o = g.size(2);
    if (t == 1) return squares(a_) * squares(g);
    // A Gram matrix is symmetric.
    if (2 * i * o < t * (i + o)) {
      return squares(torch::bmm(g.transpose(1, 2), a_));
    }
    return gram_dots(gram_(a_), gram(g));
  }

 private:
  Tensor a_;
  InputGram& gram_;
};

std::vector<Tensor> norms(const Linear& layer, const Uses& uses) {
  WeightNorms weight_norms(positions_of(uses.inputs), *uses.input_gram);
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    const Tensor g = positions_of(gradients);
    Tensor sum = zeros_like_norms(g);
    if (layer.weight.requires_grad()) sum += weight_norms(g);
    if (layer.bias.defined() && layer.bias.requires_grad()) {
      sum += squares(g.sum(1));
    }
    all.push_back(sum);
  }
  return all;
}

/// The windows of all uses: samples x positions x features x kernel.
Tensor windows_of(const Conv1d& layer, const Uses& uses) {
  std::vector<Tensor> parts;
  parts.reserve(uses.inputs.size());
  for (const Tensor& input : uses.inputs) {
    parts.push_back(layer.windows(input));
  }
  return parts.size() == 1 ? parts.front() : torch::cat(parts, 1);
}

std::vector<Tensor> norms(const Conv1d& layer, const Uses& uses) {
  const std::int64_t groups = layer.options.groups;
  const Tensor windows = windows_of(layer, uses);
  const std::int64_t samples = windows.size(0), positions = windows.size(1);
  WeightNorms weight_norms(windows.flatten(2), *uses.input_gram);
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    const Tensor g = positions_of(gradients);
    Tensor sum = zeros_like_norms(g);
    if (layer.weight.requires_grad() && groups == 1) {
      sum += weight_norms(g);
    } else if (layer.weight.requires_grad()) {
      // samples x groups x positions x what a group has
      const auto grouped = [&](const Tensor& x) {
        return x.reshape({samples, positions, groups, -1}).transpose(1, 2);
      };
      sum +=
          squares(torch::matmul(grouped(g).transpose(2, 3), grouped(windows)));
    }
    if (layer.bias.defined() && layer.bias.requires_grad()) {
      sum += squares(g.sum(1));
    }
    all.push_back(sum);
  }
  return all;
}

/// Whether every window is a single pixel.
bool is_bare(const Conv2d::Options& o) {
  return o.kernel == 1 && o.stride == 1 && o.padding == 0;
}

/// The windows of the convolution on one sample: groups x window x positions.
Tensor windows_of(const Conv2d::Options& o, const Tensor& sample) {
  const Tensor windows =
      is_bare(o) ? sample.flatten(1)
                 : torch::im2col(sample, {o.kernel, o.kernel}, {1, 1},
                                 {o.padding, o.padding}, {o.stride, o.stride});
  return windows.reshape({o.groups, -1, windows.size(-1)});
}

/// One sample at a time, so that its unfolded windows stay in cache and one
/// product serves all values.
std::vector<Tensor> convolution_weight_norms(const Conv2d& layer,
                                             const Uses& uses) {
  const std::int64_t groups = layer.options.groups;
  const std::int64_t samples = uses.inputs.front().size(0);
  const auto values = std::ssize(uses.gradients);
  Tensor norms = torch::zeros({values, samples}, uses.inputs.front().options())
                     .to(torch::kDouble);
  for (std::int64_t s = 0; s < samples; ++s) {
    Tensor gradient;  // groups x values outputs x window
    for (std::size_t u = 0; u < uses.inputs.size(); ++u) {
      std::vector<Tensor> rows;
      for (const auto& gradients : uses.gradients) {
        const Tensor g = gradients[u][s].flatten(1);
        rows.push_back(g.reshape({groups, -1, g.size(1)}));
      }
      const Tensor of_use = torch::bmm(
          torch::cat(rows, 1),
          windows_of(layer.options, uses.inputs[u][s]).transpose(1, 2));
      gradient = gradient.defined() ? gradient + of_use : of_use;
    }
    norms.select(1, s).copy_(
        gradient.view({groups, values, -1})
            .square()
            .sum(at::IntArrayRef{0, 2}, false, torch::kDouble));
  }
  return norms.unbind(0);
}

/// The same for float32 on the CPU, for a layer that is used once and has one
/// group, or one for each channel. Windows are unfolded by whole pixels, since
/// channels come last.
std::vector<Tensor> fast_convolution_weight_norms(const Conv2d& layer,
                                                  const Uses& uses) {
  const Conv2d::Options& o = layer.options;
  const Tensor& input = uses.inputs.front();
  const kernels::Windows windows = {input.size(2), input.size(3), input.size(1),
                                    o.kernel,      o.stride,      o.padding};
  const std::int64_t samples = input.size(0);
  const std::int64_t positions = windows.rows() * windows.columns();
  const std::int64_t window = o.kernel * o.kernel * input.size(1);
  const Tensor images = input.contiguous(at::MemoryFormat::ChannelsLast);
  std::vector<Tensor> rows, norms;
  for (const auto& gradients : uses.gradients) {
    const Tensor& value = gradients.front();
    rows.push_back(value.contiguous(at::MemoryFormat::ChannelsLast)
                       .permute({0, 2, 3, 1})
                       .view({samples, positions, value.size(1)}));
    norms.push_back(torch::empty({samples}, torch::kDouble));
  }
  Tensor unfolded = torch::empty({positions, window});
  Tensor gradient = o.groups == 1 ? torch::empty({layer.weight.size(0), window})
                                  : torch::empty({window});
  for (std::int64_t s = 0; s < samples; ++s) {
    const float* const image = images[s].const_data_ptr<float>();
    if (o.groups == 1 && is_bare(o)) {
      unfolded = images[s].permute({1, 2, 0}).view({positions, window});
    } else if (o.groups == 1) {
      kernels::unfold(image, windows, unfolded.data_ptr<float>());
    }
    for (std::size_t v = 0; v < rows.size(); ++v) {
      if (o.groups == 1) {
        torch::mm_out(gradient, rows[v][s].t(), unfolded);
      } else {
        kernels::depthwise_gradient(image, rows[v][s].const_data_ptr<float>(),
                                    windows, gradient.data_ptr<float>());
      }
      kernels::row_squares(gradient.const_data_ptr<float>(),
                           {1, gradient.numel()},
                           norms[v].data_ptr<double>() + s);
    }
  }
  return norms;
}

bool is_depthwise(const Conv2d& layer) {
  return layer.options.groups == layer.weight.size(0) &&
         layer.weight.size(1) == 1;
}

std::vector<Tensor> norms(const Conv2d& layer, const Uses& uses) {
  const bool fast = uses.inputs.size() == 1 &&
                    is_for_kernels(uses.inputs.front()) &&
                    (layer.options.groups == 1 || is_depthwise(layer));
  std::vector<Tensor> all;
  if (!layer.weight.requires_grad()) {
    for (const auto& gradients : uses.gradients) {
      all.push_back(zeros_like_norms(gradients.front()));
    }
  } else {
    all = fast ? fast_convolution_weight_norms(layer, uses)
               : convolution_weight_norms(layer, uses);
  }
  if (!layer.bias.defined() || !layer.bias.requires_grad()) return all;
  for (std::size_t v = 0; v < all.size(); ++v) {
    Tensor bias = uses.gradients[v].front().sum({2, 3});
    for (std::size_t u = 1; u < uses.inputs.size(); ++u) {
      bias = bias + uses.gradients[v][u].sum({2, 3});
    }
    all[v] += squares(bias);
  }
  return all;
}

/// For layers whose weight scales a standardised input, from the gradients of
/// weight and bias: samples x features.
template <class Layer>
Tensor scale_norm(const Layer& layer, const Tensor& weight,
                  const Tensor& bias) {
  Tensor sum = zeros_like_norms(weight);
  if (layer.weight.requires_grad()) sum += squares(weight);
  if (layer.bias.requires_grad()) sum += squares(bias);
  return sum;
}

/// The same, summing g x^ and g over positions and uses.
template <class Layer, class Standardise, class SumPositions>
std::vector<Tensor> scale_norms(const Layer& layer, const Uses& uses,
                                const Standardise& standardise,
                                const SumPositions& sum_positions) {
  std::vector<Tensor> standardised;
  for (const Tensor& input : uses.inputs) {
    standardised.push_back(standardise(input));
  }
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    Tensor weight = sum_positions(gradients[0] * standardised[0]);
    Tensor bias = sum_positions(gradients[0]);
    for (std::size_t u = 1; u < gradients.size(); ++u) {
      weight = weight + sum_positions(gradients[u] * standardised[u]);
      bias = bias + sum_positions(gradients[u]);
    }
    all.push_back(scale_norm(layer, weight, bias));
  }
  return all;
}

/// For a BatchNorm on images that is used once; one pass over each sample gives
/// the sums.
std::vector<Tensor> fast_norms(const BatchNorm& layer, const Tensor& input,
                               const Uses& uses) {
  const Tensor x = input.contiguous(at::MemoryFormat::ChannelsLast);
  const std::int64_t samples = x.size(0);
  const kernels::Matrix shape = {x.size(2) * x.size(3), x.size(1)};
  const Tensor deviation =
      (layer.running_var.to(torch::kDouble) + BatchNorm::kEpsilon).rsqrt();
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    const Tensor d =
        gradients.front().contiguous(at::MemoryFormat::ChannelsLast);
    // bias and weight x samples x features
    const Tensor sums =
        torch::empty({2, samples, shape.columns}, torch::kDouble);
    for (std::int64_t s = 0; s < samples; ++s) {
      kernels::column_sums(
          d[s].const_data_ptr<float>(), x[s].const_data_ptr<float>(),
          layer.running_mean.const_data_ptr<float>(), shape,
          sums[0][s].data_ptr<double>(), sums[1][s].data_ptr<double>());
    }
    all.push_back(scale_norm(layer, sums[1] * deviation, sums[0]));
  }
  return all;
}

std::vector<Tensor> norms(const BatchNorm& layer, const Uses& uses) {
  const Tensor& first = uses.inputs.front();
  if (uses.inputs.size() == 1 && first.dim() == 4 && is_for_kernels(first)) {
    return fast_norms(layer, first, uses);
  }
  const auto standardise = [&](const Tensor& input) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
    shape[1] = -1;
    const Tensor scale = (layer.running_var + BatchNorm::kEpsilon).rsqrt();
    return (input - layer.running_mean.view(shape)) * scale.view(shape);
  };
  return scale_norms(layer, uses, standardise, [](const Tensor& x) {
    return x.dim() == 2 ? x : x.flatten(2).sum(2);
  });
}

/// For a LayerNorm that is used once, in the same way.
std::vector<Tensor> fast_norms(const LayerNorm& layer, const Tensor& input,
                               const Uses& uses) {
  const Tensor x = input.contiguous();
  const std::int64_t samples = x.size(0);
  const std::int64_t columns = x.size(-1);
  const kernels::Matrix shape = {x.numel() / samples / columns, columns};
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    const Tensor d = gradients.front().contiguous();
    const Tensor sums = torch::empty({2, samples, columns}, torch::kDouble);
    for (std::int64_t s = 0; s < samples; ++s) {
      kernels::layer_norm_backward(
          d[s].const_data_ptr<float>(), x[s].const_data_ptr<float>(),
          /*weight=*/nullptr, /*added=*/nullptr, shape, LayerNorm::kEpsilon,
          /*dx=*/nullptr, sums[0][s].data_ptr<double>(),
          sums[1][s].data_ptr<double>());
    }
    all.push_back(scale_norm(layer, sums[1], sums[0]));
  }
  return all;
}

std::vector<Tensor> norms(const LayerNorm& layer, const Uses& uses) {
  if (uses.inputs.size() == 1 && is_for_kernels(uses.inputs.front())) {
    return fast_norms(layer, uses.inputs.front(), uses);
  }
  const auto standardise = [&](const Tensor& input) {
    return torch::layer_norm(input, layer.weight.sizes(), {}, {},
                             LayerNorm::kEpsilon);
  };
  return scale_norms(layer, uses, standardise, [](const Tensor& x) {
    return x.dim() == 2 ? x : x.reshape({x.size(0), -1, x.size(-1)}).sum(1);
  });
}

std::vector<Tensor> norms(const GroupNorm& layer, const Uses& uses) {
  const auto standardise = [&](const Tensor& input) {
    return torch::group_norm(input, layer.groups, {}, {}, GroupNorm::kEpsilon);
  };
  return scale_norms(layer, uses, standardise, [](const Tensor& x) {
    return x.dim() == 2 ? x : x.flatten(2).sum(2);
  });
}

/// Rows of different tokens do not meet, so that the squared norm is the sum of
/// g_s g_t over all positions s and t with the same token.
std::vector<Tensor> norms(const TokenEmbedding& layer, const Uses& uses) {
  const Tensor tokens = torch::cat(uses.inputs, 1);
  const Tensor same = tokens.unsqueeze(1) == tokens.unsqueeze(2);
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    const Tensor g = positions_of(gradients);
    all.push_back(layer.weight.requires_grad()
                      ? (torch::bmm(g, g.transpose(1, 2)) * same)
                            .sum({1, 2}, false, torch::kDouble)
                      : zeros_like_norms(g));
  }
  return all;
}

std::vector<Tensor> norms(const LearnedTensor& layer, const Uses& uses) {
  std::vector<Tensor> all;
  for (const auto& gradients : uses.gradients) {
    Tensor sum = gradients[0];
    for (std::size_t u = 1; u < gradients.size(); ++u) sum = sum + gradients[u];
    all.push_back(layer.value.requires_grad() ? squares(sum)
                                              : zeros_like_norms(sum));
  }
  return all;
}

template <class... Kinds>
std::vector<Tensor> dispatch(const Layer& layer, const Uses& uses) {
  std::vector<Tensor> all;
  const bool known = ([&] {
    const auto* kind = dynamic_cast<const Kinds*>(&layer);
    if (kind != nullptr) all = norms(*kind, uses);
    return kind != nullptr;
  }() || ...);
  if (!known) fail("a layer of a kind that has no sample norms");
  return all;
}

/// Recordings by layer, in the order of first use, so that sums are always the
/// same. Gradients are zero where a value does not depend on an output.
std::vector<std::pair<const Layer*, Uses>> by_layer(
    const std::vector<Recording>& recordings, const OutputGradients& gradients,
    InputGram& input_gram) {
  std::vector<std::pair<const Layer*, Uses>> layers;
  std::unordered_map<const Layer*, std::size_t> index;
  for (std::size_t r = 0; r < recordings.size(); ++r) {
    const Layer* const layer = recordings[r].layer;
    const auto [found, is_new] = index.try_emplace(layer, layers.size());
    if (is_new) {
      layers.emplace_back(layer, Uses{{}, {}, &input_gram});
      layers.back().second.gradients.resize(gradients.size());
    }
    Uses& uses = layers[found->second].second;
    uses.inputs.push_back(recordings[r].input);
    for (std::size_t v = 0; v < gradients.size(); ++v) {
      const Tensor& g = gradients[v][r];
      uses.gradients[v].push_back(
          g.defined() ? g : torch::zeros_like(recordings[r].output));
    }
  }
  return layers;
}

}  // namespace

Tensor sample_squared_norms(const std::vector<Recording>& recordings,
                            const OutputGradients& gradients) {
  const torch::NoGradGuard no_grad;
  std::vector<Tensor> sums(gradients.size());
  InputGram input_gram;
  for (const auto& [layer, uses] :
       by_layer(recordings, gradients, input_gram)) {
    const std::vector<Tensor> layers_norms =
        dispatch<Linear, Conv2d, Conv1d, BatchNorm, LayerNorm, GroupNorm,
                 TokenEmbedding, LearnedTensor>(*layer, uses);
    for (std::size_t v = 0; v < sums.size(); ++v) {
      const Tensor norm = layers_norms[v].cpu();
      sums[v] = sums[v].defined() ? sums[v] + norm : norm;
    }
  }
  return torch::stack(sums);
}

}  // namespace cape::models
