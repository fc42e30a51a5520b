#include "zoo/layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/units.h"

namespace cape::zoo::layers {
namespace {

using nlohmann::json;

// Deeper lists are a mistake, and would be read by as many nested calls.
constexpr std::ptrdiff_t kDeepest = 8;
constexpr std::size_t kMostLayers = 1000;

template <class Visit, std::size_t... I>
void for_each_kind(const Visit& visit, std::index_sequence<I...>) {
  (visit(std::variant_alternative_t<I, AnyLayer>()), ...);
}

/// visit(L()) for each layer L of the variant.
template <class Visit>
void for_each_kind(const Visit& visit) {
  for_each_kind(visit,
                std::make_index_sequence<std::variant_size_v<AnyLayer>>());
}

template <class L>
std::vector<std::string> keys_of(const L& layer) {
  std::vector<std::string> keys;
  L::visit_keys(layer, [&](const char* key, const auto& /*value*/,
                           Bounds /*bounds*/ = {}) { keys.emplace_back(key); });
  return keys;
}

/// Whether the layer is written with a value: {conv: 16}.
template <class L>
bool has_value(const L& layer) {
  const std::vector<std::string> keys = keys_of(layer);
  return !keys.empty() && keys.front() == L::kName;
}

/// Of the value that a layer's name stands before, for messages.
template <class L>
const char* meaning_of_value() {
  if constexpr (std::is_same_v<L, Residual>) return "[LAYERS]";
  if constexpr (std::is_same_v<L, Dropout>) return "RATE";
  if constexpr (std::is_same_v<L, GroupNorm>) return "GROUPS";
  if constexpr (std::is_same_v<L, TransformerBlock>) return "HEADS";
  if constexpr (std::is_same_v<L, Depthwise> || std::is_same_v<L, MaxPool> ||
                std::is_same_v<L, AvgPool>) {
    return "KERNEL";
  }
  return "OUTPUTS";
}

std::string advice(const std::string& word,
                   const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  if (!meant.empty()) return fmt::format("did you mean '{}'?", meant);
  return fmt::format("there are: {}", fmt::join(known, ", "));
}

/// Reads one key of a layer.
struct KeyReader {
  const std::string& place;
  const char* layer;
  const char* key;
  const json& value;

  [[noreturn]] void refuse(const std::string& expected) const {
    // The name of a layer is also the key of its value.
    const std::string what = std::string_view(key) == layer
                                 ? std::string("its value")
                                 : std::string(key);
    throw LayerError(
        place, layer,
        fmt::format("{} must be {} (found {})", what, expected, value.dump()));
  }

  void check(double number, Bounds bounds, const char* what) const {
    if (number >= bounds.low && number <= bounds.high) return;
    refuse(fmt::format("{} from {} to {}", what, bounds.low, bounds.high));
  }

  void operator()(std::int64_t& target, Bounds bounds) const {
    constexpr const char* kWhole = "a whole number";
    if (!value.is_number_integer()) {
      refuse(fmt::format("{} from {} to {}", kWhole, bounds.low, bounds.high));
    }
    check(value.get<double>(), bounds, kWhole);
    target = value.get<std::int64_t>();
  }
  void operator()(double& target, Bounds bounds) const {
    constexpr const char* kNumber = "a number";
    if (!value.is_number()) {
      refuse(fmt::format("{} from {} to {}", kNumber, bounds.low, bounds.high));
    }
    check(value.get<double>(), bounds, kNumber);
    target = value.get<double>();
  }
  void operator()(bool& target, Bounds /*bounds*/) const {
    if (!value.is_boolean()) refuse("true or false");
    target = value.get<bool>();
  }
  template <NamedEnum E>
  void operator()(E& target, Bounds /*bounds*/) const {
    const std::optional<E> found = value.is_string()
                                       ? find_enum<E>(value.get<std::string>())
                                       : std::nullopt;
    if (!found) {
      refuse(fmt::format("one of {}", fmt::join(enum_words<E>(), ", ")));
    }
    target = *found;
  }
  void operator()(Layers& target, Bounds /*bounds*/) const {
    target = layers_from(value, fmt::format("{}.{}", place, key));
    if (target.empty()) refuse("a list of at least one layer");
  }
};

template <class L>
Layer read(const json& keys, const std::string& place) {
  L layer;
  const std::vector<std::string> known = keys_of(layer);
  for (const auto& [key, value] : keys.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    if (key == L::kName) {
      throw LayerError(
          place, L::kName,
          fmt::format("takes no value; write it as the word {}", key));
    }
    throw LayerError(
        place, L::kName,
        fmt::format("unknown key '{}'; {}", key,
                    known.empty() ? "it has no keys" : advice(key, known)));
  }
  if (has_value(layer) && !keys.contains(L::kName)) {
    throw LayerError(place, L::kName,
                     fmt::format("needs a value; write {{{}: {}}}", L::kName,
                                 meaning_of_value<L>()));
  }
  L::visit_keys(layer, [&](const char* key, auto& target, Bounds bounds = {}) {
    const auto found = keys.find(key);
    if (found != keys.end()) {
      KeyReader{place, L::kName, key, *found}(target, bounds);
    }
  });
  return layer;
}

std::vector<std::string> keys_of_layer(const std::string& name) {
  std::vector<std::string> keys;
  for_each_kind([&]<class L>(const L& layer) {
    if (name == L::kName) keys = keys_of(layer);
  });
  return keys;
}

/// The name of the layer that an element of a list describes.
std::string read_name(const json& element, const std::string& place) {
  const std::vector<std::string>& names = layer_names();
  if (element.is_string()) {
    std::string word = element.get<std::string>();
    if (std::ranges::find(names, word) != names.end()) return word;
    throw LayerError(
        place, "",
        fmt::format("unknown layer '{}'; {}", word, advice(word, names)));
  }
  if (!element.is_object() || element.empty()) {
    throw LayerError(place, "",
                     fmt::format("a layer must be a word or a map of keys, "
                                 "like {{conv: 16, kernel: 5}} (found {})",
                                 element.dump()));
  }
  std::vector<std::string> found, keys;
  for (const auto& [key, value] : element.items()) {
    keys.push_back(key);
    if (std::ranges::find(names, key) != names.end()) found.push_back(key);
  }
  // A layer's key can be another layer's name: {transformer_block: 4, dropout:
  // 0.1}.
  if (found.size() > 1) {
    for (const std::string& name : found) {
      const std::vector<std::string> own = keys_of_layer(name);
      if (std::ranges::all_of(found, [&](const std::string& key) {
            return std::ranges::find(own, key) != own.end();
          })) {
        return name;
      }
    }
  }
  if (found.size() > 1) {
    throw LayerError(place, "",
                     fmt::format("{} in one entry; give each layer an entry of "
                                 "its own",
                                 fmt::join(found, " and ")));
  }
  if (found.size() == 1) return found.front();
  for (const std::string& key : keys) {
    const std::string meant = nearest(key, names);
    if (meant.empty()) continue;
    throw LayerError(
        place, "",
        fmt::format("unknown layer '{}'; did you mean '{}'?", key, meant));
  }
  throw LayerError(place, "",
                   fmt::format("no layer among the keys {}; there are: {}",
                               fmt::join(keys, ", "), fmt::join(names, ", ")));
}

}  // namespace

std::string to_text(const Shape& shape) {
  return fmt::format("{}", fmt::join(shape, " x "));
}

bool Residual::operator==(const Residual& other) const {
  return layers == other.layers && shortcut == other.shortcut;
}

const char* name_of(const Layer& layer) {
  return std::visit(
      [](const auto& l) { return std::decay_t<decltype(l)>::kName; },
      layer.any);
}

const std::vector<std::string>& layer_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for_each_kind([&](const auto& layer) {
      all.emplace_back(std::decay_t<decltype(layer)>::kName);
    });
    return all;
  }();
  return names;
}

json to_json(const Layer& layer) {
  json keys = json::object();
  std::visit(
      [&]<class L>(const L& own) {
        // The values of a layer that was given none.
        const L without{};
        json usual = json::object();
        L::visit_keys(without, [&](const char* key, const auto& value,
                                   Bounds /*bounds*/ = {}) {
          if (std::string_view(key) == L::kName) return;
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Layers>) {
            usual[key] = to_json(value);
          } else {
            usual[key] = value;
          }
        });
        L::visit_keys(own, [&](const char* key, const auto& value,
                               Bounds /*bounds*/ = {}) {
          if constexpr (std::is_same_v<std::decay_t<decltype(value)>, Layers>) {
            keys[key] = to_json(value);
          } else {
            keys[key] = value;
          }
          if (usual.contains(key) && usual[key] == keys[key]) keys.erase(key);
        });
      },
      layer.any);
  if (keys.empty()) return name_of(layer);
  return keys;
}

json to_json(const Layers& layers) {
  json list = json::array();
  for (const Layer& layer : layers) list.push_back(to_json(layer));
  return list;
}

Layers layers_from(const json& list, const std::string& place) {
  if (!list.is_array()) {
    throw LayerError(
        place, "",
        fmt::format("must be a list of layers (found {})", list.dump()));
  }
  if (list.size() > kMostLayers || std::ranges::count(place, '.') > kDeepest) {
    throw LayerError(place, "",
                     fmt::format("at most {} layers in a list, and {} lists "
                                 "within each other",
                                 kMostLayers, kDeepest));
  }
  Layers layers;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", place, i);
    const std::string name = read_name(list[i], at);
    const json keys = list[i].is_string() ? json::object() : list[i];
    for_each_kind([&]<class L>(const L&) {
      if (name == L::kName) layers.push_back(read<L>(keys, at));
    });
  }
  return layers;
}

}  // namespace cape::zoo::layers
