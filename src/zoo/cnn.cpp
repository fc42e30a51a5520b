#include "zoo/cnn.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <string>

#include "core/error.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

/// Goes through a network, adds up parameters and operations, and keeps the
/// shape of the features.
struct Walk {
  std::int64_t channels, height, width;
  Size size;

  explicit Walk(const Shape& input)
      : channels(input.at(0)), height(input.at(1)), width(input.at(2)) {}

  /// A convolution without bias, padded to keep the size, with BatchNorm.
  void convolve(std::int64_t outputs, std::int64_t kernel, std::int64_t stride,
                std::int64_t groups = 1) {
    height = (height - 1) / stride + 1;
    width = (width - 1) / stride + 1;
    const std::int64_t weights = channels / groups * outputs * kernel * kernel;
    size.parameters += weights + 2 * outputs;
    size.flops += 2.0 * static_cast<double>(weights * height * width);
    channels = outputs;
  }

  void pool() {
    height /= 2;
    width /= 2;
  }

  void head(std::int64_t outputs) {
    size.parameters += (channels + 1) * outputs;
    size.flops += 2.0 * static_cast<double>(channels * outputs);
  }
};

std::string dropout_suffix(double dropout) {
  return dropout == 0 ? "" : fmt::format("_drop{}", dropout);
}

}  // namespace

std::int64_t scaled_channels(const MobilenetMini& network,
                             std::int64_t channels) {
  return std::max<std::int64_t>(
      8,
      static_cast<std::int64_t>(static_cast<double>(channels) * network.width));
}

std::array<InvertedResidualRow, 4> rows_of(const MobilenetMini& network) {
  return {{{1, 16, 1, 1},
           {6, 24, 2, 2},
           {6, 32, network.blocks, 2},
           {6, 64, network.blocks, 2}}};
}

Size size_of(const VggLite& vgg, const Shape& input, const Head& head) {
  Walk w(input);
  for (std::size_t stage = 0; stage < kStageStrides.size(); ++stage) {
    for (std::int64_t i = 0; i < vgg.convolutions[stage]; ++i) {
      w.convolve(vgg.base << stage, 3, i == 0 ? kStageStrides[stage] : 1);
    }
    if (vgg.pool && stage < 2) w.pool();
  }
  w.head(head.outputs);
  return w.size;
}

Size size_of(const ResnetMini& resnet, const Shape& input, const Head& head) {
  Walk w(input);
  w.convolve(resnet.base, 3, 1);
  for (std::size_t stage = 0; stage < kStageStrides.size(); ++stage) {
    const std::int64_t channels = resnet.base << stage;
    for (std::int64_t i = 0; i < resnet.blocks; ++i) {
      const std::int64_t stride = i == 0 ? kStageStrides[stage] : 1;
      Walk shortcut = w;
      w.convolve(channels, 3, stride);
      w.convolve(channels, 3, 1);
      if (stride == 1 && shortcut.channels == channels) continue;
      shortcut.size = {};
      shortcut.convolve(channels, 1, stride);
      w.size.parameters += shortcut.size.parameters;
      w.size.flops += shortcut.size.flops;
    }
  }
  w.head(head.outputs);
  return w.size;
}

Size size_of(const MobilenetMini& network, const Shape& input,
             const Head& head) {
  Walk w(input);
  w.convolve(scaled_channels(network, network.stem), 3, 1);
  for (const InvertedResidualRow& row : rows_of(network)) {
    for (std::int64_t i = 0; i < row.blocks; ++i) {
      const std::int64_t inner = w.channels * row.expansion;
      if (row.expansion != 1) w.convolve(inner, 1, 1);
      w.convolve(inner, 3, i == 0 ? row.stride : 1, inner);
      w.convolve(scaled_channels(network, row.channels), 1, 1);
    }
  }
  w.head(head.outputs);
  return w.size;
}

Kind kind_of(const VggLite&) {
  return {"cnn", "vgg_lite", {.rgb32 = true, .standardise = false}, {}};
}

Kind kind_of(const ResnetMini&) {
  return {"cnn", "resnet_mini", {.rgb32 = true, .standardise = false}, {}};
}

Kind kind_of(const MobilenetMini&) {
  return {
      "cnn", "mobilenet_v2_mini", {.rgb32 = true, .standardise = false}, {}};
}

std::string name_of(const VggLite& vgg) {
  return fmt::format("vgg_lite_{}_{}{}{}", vgg.base,
                     fmt::join(vgg.convolutions, "-"), vgg.pool ? "_pool" : "",
                     dropout_suffix(vgg.dropout));
}

std::string name_of(const ResnetMini& resnet) {
  return fmt::format("resnet_mini_{}_{}{}", resnet.base, resnet.blocks,
                     dropout_suffix(resnet.dropout));
}

std::string name_of(const MobilenetMini& network) {
  return fmt::format("mobilenet_v2_mini_x{}_{}_{}{}", network.width,
                     network.stem, network.blocks,
                     dropout_suffix(network.dropout));
}

OwnFacts facts_of(const VggLite& vgg) {
  return {.published = "vgg_lite",
          .depth = {"convolutions",
                    std::accumulate(vgg.convolutions.begin(),
                                    vgg.convolutions.end(), std::int64_t{0})},
          .width = {"base", vgg.base},
          .pool = vgg.pool};
}

OwnFacts facts_of(const ResnetMini& resnet) {
  const auto stages = static_cast<std::int64_t>(kStageStrides.size());
  return {.published = "resnet_mini",
          .depth = {"blocks", stages * resnet.blocks},
          .width = {"base", resnet.base}};
}

OwnFacts facts_of(const MobilenetMini& network) {
  return {.published = "mobilenetv2_mini",
          .depth = {"blocks", network.blocks},
          .width = {"width", static_cast<float>(network.stem) *
                                 static_cast<float>(network.width)}};
}

void to_json(nlohmann::json& json, const VggLite& vgg) {
  json = {{"base", vgg.base},
          {"convolutions", fmt::format("{}", fmt::join(vgg.convolutions, "-"))},
          {"pool", vgg.pool},
          {"dropout", vgg.dropout}};
}

void from_json(const nlohmann::json& json, VggLite& vgg) {
  vgg.base = json.at("base");
  vgg.pool = json.at("pool");
  vgg.dropout = json.at("dropout");
  const std::string text = json.at("convolutions");
  std::istringstream stages(text);
  char dash = 0;
  stages >> vgg.convolutions[0] >> dash >> vgg.convolutions[1] >> dash >>
      vgg.convolutions[2];
  if (text != fmt::format("{}", fmt::join(vgg.convolutions, "-"))) {
    fail_user(
        "vgg_lite: convolutions must be three numbers of a stage each, like "
        "2-1-1 (found \"{}\")",
        text);
  }
}

void check(const VggLite& vgg) {
  check_range("vgg_lite", "base", static_cast<double>(vgg.base), 1, 1024);
  for (const std::int64_t count : vgg.convolutions) {
    check_range("vgg_lite", "convolutions", static_cast<double>(count), 1, 16);
  }
  check_range("vgg_lite", "dropout", vgg.dropout, 0, 0.95);
}

void check(const ResnetMini& resnet) {
  check_range("resnet_mini", "base", static_cast<double>(resnet.base), 1, 1024);
  check_range("resnet_mini", "blocks", static_cast<double>(resnet.blocks), 1,
              32);
  check_range("resnet_mini", "dropout", resnet.dropout, 0, 0.95);
}

void check(const MobilenetMini& network) {
  check_range("mobilenet_v2_mini", "width", network.width, 0.05, 8);
  check_range("mobilenet_v2_mini", "stem", static_cast<double>(network.stem), 1,
              1024);
  check_range("mobilenet_v2_mini", "blocks",
              static_cast<double>(network.blocks), 1, 32);
  check_range("mobilenet_v2_mini", "dropout", network.dropout, 0, 0.95);
}

}  // namespace cape::zoo
