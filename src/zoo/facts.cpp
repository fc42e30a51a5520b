#include "zoo/facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "core/error.h"
#include "zoo/catalog.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

using nlohmann::json;

/// Of a row, which any program may have written: what is nested deeper than in
/// any network is left out, so that the functions that call themselves end.
json parse_description(std::string_view text) {
  constexpr int kDeepest = 64;
  const auto is_shallow = [](int depth, json::parse_event_t, const json&) {
    return depth <= kDeepest;
  };
  return json::parse(text, is_shallow, /*allow_exceptions=*/false);
}

OwnFacts own_facts(const Architecture& architecture) {
  return std::visit([](const auto& a) { return facts_of(a); }, architecture);
}

const Architecture* find_published(std::string_view name) {
  const std::vector<Architecture>& all = prototypes();
  const auto found = std::ranges::find_if(all, [&](const Architecture& one) {
    return !name.empty() && own_facts(one).published == name;
  });
  return found == all.end() ? nullptr : &*found;
}

std::string text_at(const json& description, const char* key) {
  const auto found = description.find(key);
  return found != description.end() && found->is_string()
             ? found->get<std::string>()
             : std::string();
}

/// Of "[2, 1, 1]"; none of "tiny_cfg".
std::vector<int> numbers_in(std::string_view text) {
  std::vector<int> numbers;
  while (!text.empty()) {
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    if (error == std::errc()) numbers.push_back(number);
    text = {stop == text.data() ? stop + 1 : stop, end};
  }
  return numbers;
}

/// A description of a published CSV file in our words: {"cnn_family":
/// "vgg_lite", "depth_signature": "[2, 1, 1]", "downsample_type": "pool"}. Null
/// where the network is none of this zoo.
json from_published(const json& published) {
  std::string name = text_at(published, "cnn_family");
  if (name.empty()) name = text_at(published, "architecture");
  const Architecture* const kind = find_published(name);
  if (kind == nullptr) return nullptr;
  json description = {{"family", family(*kind)}, {"kind", kind_name(*kind)}};
  const std::vector<int> stages =
      numbers_in(text_at(published, "depth_signature"));
  if (std::holds_alternative<VggLite>(*kind)) {
    if (!stages.empty()) {
      description["convolutions"] = fmt::format("{}", fmt::join(stages, "-"));
    }
    description["pool"] = text_at(published, "downsample_type") == "pool";
  }
  if (std::holds_alternative<ResnetMini>(*kind) && !stages.empty()) {
    description["blocks"] = stages.front();  // the same in every stage
  }
  return description;
}

/// The names of the layers of a list, those within other layers among them; of
/// a transformer block also where its norms are.
void collect_layers(const json& layers, std::set<std::string>& names) {
  for (const json& layer : layers) {
    if (layer.is_string()) names.insert(layer.get<std::string>());
    if (!layer.is_object()) continue;
    for (const auto& [key, value] : layer.items()) {
      names.insert(key);
      if (value.is_array()) collect_layers(value, names);
    }
    if (layer.contains("transformer_block")) {
      const std::string norm = text_at(layer, "norm");
      names.insert(norm.empty() ? "pre" : norm);
    }
  }
}

/// Of a description and of all that is inside of it.
double greatest_dropout(const json& description) {
  double greatest = 0;
  for (const auto& [key, value] : description.items()) {
    if (value.is_structured()) {
      greatest = std::max(greatest, greatest_dropout(value));
    } else if (key == "dropout" && value.is_number()) {
      greatest = std::max(greatest, value.get<double>());
    }
  }
  return greatest;
}

/// The kind of a network that is a list of layers.
std::string kind_of_layers(const json& layers) {
  std::set<std::string> names;
  collect_layers(layers, names);
  std::vector<std::string> words;
  const auto style = [&]() -> std::string {
    if (names.contains("transformer_block")) return "transformer";
    for (const char* cell : {"lstm", "gru", "rnn"}) {
      if (names.contains(cell)) return cell;
    }
    const bool convolves =
        names.contains("conv") || names.contains("depthwise");
    return convolves ? "cnn" : "mlp";
  };
  words.push_back(style());
  for (const char* part :
       {"residual", "depthwise", "pre", "post", "bidirectional", "batch_norm",
        "layer_norm", "group_norm"}) {
    if (names.contains(part)) words.emplace_back(part);
  }
  return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace

Facts facts(const Architecture& architecture) {
  const OwnFacts own = own_facts(architecture);
  return {.kind = static_cast<KindNumber>(architecture.index()),
          .depth = own.depth.value,
          .width = own.width.value,
          .pool = own.pool,
          .bidirectional = own.bidirectional};
}

Facts facts_from(std::string_view architecture_json) {
  json description = parse_description(architecture_json);
  if (!description.is_object()) return {};
  if (!description.contains("kind")) description = from_published(description);
  try {
    const Architecture architecture = architecture_from(description);
    Facts known = facts(architecture);
    const OwnFacts own = own_facts(architecture);
    // What is not there has a default, but was perhaps something else.
    if (!description.contains(own.depth.key)) known.depth = Facts().depth;
    if (!description.contains(own.width.key)) known.width = Facts().width;
    return known;
  } catch (const UserError&) {
    return {};
  }
}

double dropout_rate(std::string_view architecture_json) {
  const json description = parse_description(architecture_json);
  if (!description.is_object()) return std::nan("");
  const std::string kind = text_at(description, "kind");
  if (kind.empty() || kind == kind_name(TorchScript())) return std::nan("");
  return greatest_dropout(description);
}

std::string network_kind(std::string_view architecture_json) {
  const json description = parse_description(architecture_json);
  if (!description.is_object()) return "unknown";
  const auto layers = description.find("layers");
  if (layers != description.end() && layers->is_array()) {
    return kind_of_layers(*layers);
  }
  std::string kind = text_at(description, "kind");
  if (kind.empty()) kind = "unknown";
  if (kind == kind_name(TorchScript())) {
    return fmt::format("{}, {}", kind, text_at(description, "fingerprint"));
  }
  if (description.value("batch_norm", json(false)) == json(true)) {
    kind += ", batch_norm";
  }
  if (description.value("bidirectional", json(false)) == json(true)) {
    kind += ", bidirectional";
  }
  return kind;
}

std::string network_group(std::string_view architecture_json) {
  const json description = parse_description(architecture_json);
  if (description.is_object()) {
    const std::string stem =
        std::filesystem::path(text_at(description, "file")).stem().string();
    const std::size_t end = stem.find("--");
    if (end != 0 && end != std::string::npos) {
      return fmt::format("{}, {}", kind_name(TorchScript()),
                         stem.substr(0, end));
    }
  }
  return network_kind(architecture_json);
}

std::string_view kind_published_as(std::string_view name) {
  const Architecture* const found = find_published(name);
  return found == nullptr ? std::string_view() : kind_name(*found);
}

}  // namespace cape::zoo
