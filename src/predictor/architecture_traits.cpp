#include "predictor/architecture_traits.h"

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

namespace cape {
namespace {

using nlohmann::json;

// The names in our form, then those in the published CSV files.
constexpr std::array<std::pair<std::string_view, ArchitectureKind>, 12> kKinds =
    {{{"vgg_lite", ArchitectureKind::vgg_lite},
      {"resnet_mini", ArchitectureKind::resnet_mini},
      {"mobilenet_v2_mini", ArchitectureKind::mobilenet},
      {"lstm", ArchitectureKind::lstm},
      {"gru", ArchitectureKind::gru},
      {"cct_small", ArchitectureKind::cct},
      {"vit_tiny", ArchitectureKind::vit},
      {"pit_xs", ArchitectureKind::pit},
      {"mobilenetv2_mini", ArchitectureKind::mobilenet},
      {"CCT-Small", ArchitectureKind::cct},
      {"ViT-Tiny-32/4", ArchitectureKind::vit},
      {"PiT-XS", ArchitectureKind::pit}}};

ArchitectureKind kind_named(std::string_view name) {
  for (const auto& [known, kind] : kKinds) {
    if (known == name) return kind;
  }
  return ArchitectureKind::other;
}

std::string text_at(const json& description, const char* key) {
  const auto found = description.find(key);
  return found != description.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

bool is_true(const json& description, const char* key) {
  const auto found = description.find(key);
  return found != description.end() && *found == true;
}

/// The sum of the digits: "[2, 1, 1]" and "2-1-1" are 4.
float sum_of_digits(std::string_view text) {
  float sum = 0;
  for (const char c : text) {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
      sum += static_cast<float>(c - '0');
    }
  }
  return sum;
}

float depth_of(const json& description, ArchitectureKind kind) {
  for (const char* key : {"convolutions", "depth_signature"}) {
    const float sum = sum_of_digits(text_at(description, key));
    if (sum > 0) return sum;
  }
  for (const char* key : {"layers", "depth", "blocks"}) {
    const auto found = description.find(key);
    if (found == description.end() || !found->is_number()) continue;
    // A ResNet-mini has its number of blocks in each of three stages.
    const float stages = kind == ArchitectureKind::resnet_mini ? 3 : 1;
    return stages * found->get<float>();
  }
  return ArchitectureTraits{}.depth;
}

float width_of(const json& description, ArchitectureKind kind) {
  for (const char* key : {"hidden", "base", "width"}) {
    const auto found = description.find(key);
    if (found == description.end() || !found->is_number()) continue;
    // A MobileNetV2-mini has a factor of all its numbers of channels.
    const bool is_factor = kind == ArchitectureKind::mobilenet;
    return (is_factor ? description.value("stem", 32.F) : 1) *
           found->get<float>();
  }
  return ArchitectureTraits{}.width;
}

}  // namespace

ArchitectureTraits traits_of(std::string_view architecture_json) {
  const json description =
      json::parse(architecture_json, nullptr, /*allow_exceptions=*/false);
  if (!description.is_object()) return {};
  ArchitectureTraits traits;
  for (const char* key : {"kind", "cnn_family", "architecture"}) {
    if (traits.kind != ArchitectureKind::other) break;
    traits.kind = kind_named(text_at(description, key));
  }
  traits.depth = depth_of(description, traits.kind);
  traits.width = width_of(description, traits.kind);
  traits.pool = is_true(description, "pool") ||
                text_at(description, "downsample_type") == "pool";
  traits.bidirectional = is_true(description, "bidirectional");
  return traits;
}

}  // namespace cape
