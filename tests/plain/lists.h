/// Lists of layers that have every layer of zoo/layers.h, for tests.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "zoo/sequential.h"

namespace cape::plain {

inline zoo::Sequential list_of(std::string name, zoo::layers::Layers layers) {
  return {.name = std::move(name),
          .initialization = zoo::Initialization::torch,
          .layers = std::move(layers)};
}

/// For images whose sides four divides.
inline std::vector<zoo::Sequential> lists_for_images() {
  using namespace zoo::layers;
  const Layer residual = Residual{
      .layers = {Conv{.outputs = 8, .stride = 2, .padding = 1, .bias = false},
                 BatchNorm{}},
      .shortcut = {}};
  const Layer with_shortcut =
      Residual{.layers = {Conv{.outputs = 8, .padding = 1}, GroupNorm{2}},
               .shortcut = {Conv{.outputs = 8, .kernel = 1}, BatchNorm{}}};
  const Layer plain_sum =
      Residual{.layers = {LayerNorm{}, Silu{}}, .shortcut = {}};
  return {
      list_of("lenet",
              {Conv{.outputs = 6, .kernel = 5, .padding = 2}, Tanh{},
               AvgPool{.kernel = 2}, Conv{.outputs = 16, .kernel = 5}, Tanh{},
               AvgPool{.kernel = 2}, Flatten{}, Linear{24}, Tanh{}}),
      list_of(
          "norms",
          {Conv{.outputs = 8, .stride = 2, .padding = 1}, GroupNorm{4}, Silu{},
           Conv{.outputs = 8, .kernel = 3, .groups = 2}, LayerNorm{}, Gelu{},
           Conv{.outputs = 12, .kernel = 1, .groups = 4}, BatchNorm{}, Tanh{},
           MaxPool{.kernel = 3, .stride = 2, .padding = 1}, Flatten{},
           Linear{.outputs = 16, .bias = false}, BatchNorm{}, Relu{}}),
      list_of("residuals",
              {Conv{.outputs = 4, .stride = 2}, BatchNorm{}, Relu{}, residual,
               Relu{}, with_shortcut, plain_sum, GlobalPool{}}),
      list_of("depthwise",
              {Conv{.outputs = 8, .stride = 2, .padding = 1}, BatchNorm{},
               Gelu{}, Depthwise{.kernel = 5, .stride = 2, .padding = 2},
               LayerNorm{}, Conv{.outputs = 12, .kernel = 1}, Silu{},
               GlobalPool{}, GroupNorm{3}}),
      list_of("recurrent", {Rows{}, Linear{12}, Tanh{},
                            Gru{.hidden = 8, .output = Steps::all},
                            Lstm{.hidden = 6,
                                 .layers = 2,
                                 .bidirectional = true,
                                 .output = Steps::all},
                            LayerNorm{}, Rnn{.hidden = 10}}),
      list_of("recurrent_rnn",
              {Rows{},
               Rnn{.hidden = 8, .bidirectional = true, .output = Steps::all},
               GlobalPool{}, LayerNorm{}}),
      list_of("pre_norm", {Patches{.outputs = 12, .size = 4}, Positions{},
                           TransformerBlock{.heads = 3},
                           TransformerBlock{.heads = 2, .mlp_ratio = 4},
                           LayerNorm{}, GlobalPool{}}),
      list_of(
          "post_norm",
          {Conv{.outputs = 8, .kernel = 4, .stride = 4}, Tokens{}, Positions{},
           TransformerBlock{.heads = 2, .norm = NormPlace::post}, GlobalPool{},
           Linear{16}, Silu{}}),
      list_of(
          "steps",
          {Rows{}, Conv{.outputs = 12, .stride = 2, .padding = 1}, GroupNorm{3},
           Relu{}, Conv{.outputs = 8, .groups = 4}, BatchNorm{}, Gelu{},
           Depthwise{.kernel = 3, .padding = 1}, MaxPool{.kernel = 2},
           AvgPool{.kernel = 2},
           Residual{.layers = {Conv{
                        .outputs = 6, .kernel = 3, .stride = 2, .padding = 1}},
                    .shortcut = {}},
           Flatten{}, Residual{.layers = {Linear{10}}, .shortcut = {}}})};
}

}  // namespace cape::plain
