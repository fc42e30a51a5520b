#include "grid/yaml_models.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "grid/yaml_document.h"
#include "zoo/catalog.h"
#include "zoo/sampler.h"

namespace cape::grid::yaml {
namespace {

using nlohmann::json;

constexpr const char* kSequential = "sequential";

// With more, hardly a network trains.
constexpr double kMostDropout = 0.9;

bool is_sequential(const Value& model) {
  const Value* const family = model.find("family");
  return family != nullptr && family->text == kSequential;
}

/// What is at "layers[3].residual[1]" below `value`, or as near to it as there
/// is something.
const Value& value_at(const Value& value, std::string_view place) {
  const Value* found = &value;
  while (!place.empty()) {
    const Value* next = nullptr;
    if (place.front() == '[') {
      std::size_t index = 0;
      std::from_chars(place.data() + 1, place.data() + place.size(), index);
      place.remove_prefix(std::min(place.find(']') + 1, place.size()));
      if (index < found->items.size()) next = &found->items[index];
    } else {
      if (place.front() == '.') place.remove_prefix(1);
      const std::string_view key = place.substr(0, place.find_first_of(".["));
      place.remove_prefix(key.size());
      next = found->find(key);
    }
    if (next == nullptr) return *found;
    found = next;
  }
  return *found;
}

/// The keys of an entry that is a list of layers, or has some.
std::vector<std::string> sequential_keys() {
  std::vector<std::string> keys = model_keys();
  for (const std::string& key : zoo::architecture_keys(kSequential)) {
    keys.push_back(key);
  }
  keys.insert(keys.end(), {"style", "dropout"});
  return keys;
}

Codec<std::vector<double>> dropout_rates() {
  return list(codec(real(from_to(0, kMostDropout))));
}

/// "sample: diverse, style: cnn".
std::string write_diverse(const zoo::Diverse& diverse) {
  std::string text = "sample: diverse";
  if (diverse.style) {
    text += fmt::format(", style: {}", to_string(*diverse.style));
  }
  if (!diverse.dropout.empty()) {
    text += ", dropout: " + dropout_rates().write(diverse.dropout);
  }
  return text;
}

class ModelReader {
 public:
  explicit ModelReader(Problems& problems) : problems_(problems) {}

  std::optional<ModelSpec> read(const Value& value, const std::string& path) {
    if (value.kind != Value::Kind::map) {
      report_wrong_value(value, path,
                         "give a map: {family: mlp, sample: published}, "
                         "{family: mlp, architectures: [...]} or {family: "
                         "sequential, layers: [...]}",
                         problems_);
      return std::nullopt;
    }
    const bool is_list_of_layers = is_sequential(value);
    if (!check_map(value, path,
                   is_list_of_layers ? sequential_keys() : model_keys(),
                   problems_)) {
      return std::nullopt;
    }
    const auto family = read_word(value, path, "family", zoo::families());
    if (!family) return std::nullopt;
    ModelSpec model;
    model.family = *family;
    const Value* const sample = value.find("sample");
    const Value* const architectures = value.find("architectures");
    if (is_list_of_layers) {
      read_sequential(value, path, model);
    } else if ((sample == nullptr) == (architectures == nullptr)) {
      report_wrong_value(value, path,
                         "give either sample: published or architectures: "
                         "[...]",
                         problems_);
    } else if (sample) {
      read_sample(value, *sample, path, model);
    } else {
      for (const auto& [at, item] :
           elements(*architectures, path + ".architectures", problems_)) {
        read_architecture(*item, at, model);
      }
    }
    return model;
  }

 private:
  std::optional<std::string> read_word(const Value& map,
                                       const std::string& path,
                                       const std::string& key,
                                       const std::vector<std::string>& words) {
    const Value* const value = map.find(key);
    const Value missing{.location = map.location};
    return codec(word_of(words))
        .read(value ? *value : missing, fmt::format("{}.{}", path, key),
              problems_);
  }

  /// {layers: [...]}, {architectures: [...]} or {sample: diverse}.
  void read_sequential(const Value& map, const std::string& path,
                       ModelSpec& model) {
    const Value* const architectures = map.find("architectures");
    const int given = (map.find("layers") != nullptr ? 1 : 0) +
                      (architectures != nullptr ? 1 : 0) +
                      (map.find("sample") != nullptr ? 1 : 0);
    if (given != 1) {
      report_wrong_value(map, path,
                         "give layers: [...], architectures: [...] or sample: "
                         "diverse",
                         problems_);
    } else if (map.find("layers") != nullptr) {
      if (check_keys(map, path, zoo::architecture_keys(kSequential))) {
        read_layers(map, path, {"family"}, model);
      }
    } else if (architectures != nullptr) {
      if (!check_keys(map, path, {"architectures"})) return;
      for (const auto& [at, item] :
           elements(*architectures, path + ".architectures", problems_)) {
        read_architecture(*item, at, model);
      }
    } else if (check_keys(map, path, {"sample", "style", "dropout"})) {
      read_diverse(map, path, model);
    }
  }

  /// Reports keys that do not go with the others, but for family.
  bool check_keys(const Value& map, const std::string& path,
                  std::vector<std::string> keys) {
    keys.emplace_back("family");
    for (const Value& item : map.items) {
      if (contains(keys, item.key)) continue;
      report_wrong_value(item, fmt::format("{}.{}", path, item.key),
                         fmt::format("here, only {} go together, remove it",
                                     fmt::join(keys, ", ")),
                         problems_);
      return false;
    }
    return true;
  }

  void read_diverse(const Value& map, const std::string& path,
                    ModelSpec& model) {
    if (!read_word(map, path, "sample", {"diverse"})) return;
    zoo::Diverse diverse;
    if (map.find("style") != nullptr) {
      const auto style =
          read_word(map, path, "style", enum_words<zoo::Style>());
      if (!style) return;
      diverse.style = find_enum<zoo::Style>(*style);
    }
    if (const Value* const rates = map.find("dropout")) {
      const auto dropout =
          dropout_rates().read(*rates, path + ".dropout", problems_);
      if (!dropout) return;
      diverse.dropout = *dropout;
      std::ranges::sort(diverse.dropout);
    }
    model.diverse = diverse;
    if (!seen_.insert(write_diverse(diverse)).second) report_twice(map, path);
  }

  void read_sample(const Value& map, const Value& sample,
                   const std::string& path, ModelSpec& model) {
    if (!contains(zoo::sampled_families(), model.family)) {
      report_wrong_value(
          sample, path + ".sample",
          fmt::format("family {} has no sampler, give architectures: [{}]",
                      model.family,
                      fmt::join(zoo::architecture_names(model.family), ", ")),
          problems_);
    } else if (read_word(map, path, "sample", {"published"})) {
      model.sample_published = true;
      if (!seen_.insert(model.family).second) report_twice(sample, path);
    }
  }

  /// A map of the keys of zoo::Sequential and of `other` keys.
  void read_layers(const Value& map, const std::string& path,
                   const std::vector<std::string>& other, ModelSpec& model) {
    json fields = json::object();
    for (const Value& item : map.items) {
      if (!contains(other, item.key)) fields[item.key] = any_json(item);
    }
    add(map, path, kSequential, fields, model);
    const Value* const name = map.find("name");
    if (name != nullptr && !name->text.empty() &&
        !names_.insert(name->text).second) {
      report_wrong_value(*name, path + ".name",
                         "another network of grid.models has this name, take "
                         "another",
                         problems_);
    }
  }

  void read_architecture(const Value& value, const std::string& path,
                         ModelSpec& model) {
    if (model.family == kSequential) {
      std::vector<std::string> keys = zoo::architecture_keys(kSequential);
      keys.emplace_back("kind");
      if (check_map(value, path, keys, problems_)) {
        read_layers(value, path, {"kind"}, model);
      }
      return;
    }
    const auto names = zoo::architecture_names(model.family);
    if (value.kind != Value::Kind::map) {
      const auto name = codec(word_of(names)).read(value, path, problems_);
      if (name) add(value, path, *name, json::object(), model);
      return;
    }
    std::optional<std::string> kind = names.front();
    if (names.size() > 1 || value.find("kind")) {
      kind = read_word(value, path, "kind", names);
    }
    if (!kind) return;
    std::vector<std::string> keys = zoo::architecture_keys(*kind);
    keys.insert(keys.begin(), "kind");
    check_map(value, path, keys, problems_);
    for (const json& fields : combinations(value, path, keys)) {
      add(value, path, *kind, fields, model);
    }
  }

  /// Every combination of the values of those keys that are known: {width: [1,
  /// 2], layers: [3, 4]} stands for four architectures.
  std::vector<json> combinations(const Value& map, const std::string& path,
                                 const std::vector<std::string>& known) {
    std::vector<json> all = {json::object()};
    for (const Value& value : map.items) {
      if (value.key == "kind" || !contains(known, value.key)) continue;
      const auto alternatives =
          elements(value, fmt::format("{}.{}", path, value.key), problems_);
      std::vector<json> longer;
      for (const json& begun : all) {
        for (const auto& [at, alternative] : alternatives) {
          longer.push_back(begun);
          longer.back()[value.key] = scalar_json(*alternative);
        }
      }
      all = std::move(longer);
    }
    return all;
  }

  void add(const Value& value, const std::string& path, const std::string& kind,
           const json& fields, ModelSpec& model) {
    try {
      model.architectures.push_back(
          zoo::make_architecture(model.family, kind, fields));
    } catch (const zoo::layers::LayerError& error) {
      report_wrong_value(value_at(value, error.place),
                         fmt::format("{}.{}", path, error.place), error.problem,
                         problems_);
      return;
    } catch (const UserError& error) {
      report_wrong_value(value, path, error.what(), problems_);
      return;
    }
    const std::string description =
        zoo::to_json(model.architectures.back()).dump();
    if (!seen_.insert(description).second) report_twice(value, path);
  }

  void report_twice(const Value& value, const std::string& path) {
    report_wrong_value(value, path, "it is in grid.models already, remove it",
                       problems_);
  }

  Problems& problems_;
  std::set<std::string> seen_;
  std::set<std::string> names_;  ///< of lists of layers
};

/// A text that YAML could take for something else in quotes.
std::string write_text(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           c == '-';
  });
  return is_plain && !text.empty() ? text : json(text).dump();
}

/// As YAML in one line.
std::string write_json(const json& value) {
  if (value.is_string()) return write_text(value.get<std::string>());
  if (!value.is_structured()) return value.dump();
  std::vector<std::string> items;
  for (const auto& [key, item] : value.items()) {
    items.push_back((value.is_object() ? key + ": " : "") + write_json(item));
  }
  const std::string inside = fmt::format("{}", fmt::join(items, ", "));
  return value.is_object() ? "{" + inside + "}" : "[" + inside + "]";
}

std::string write_architecture(const zoo::Architecture& architecture) {
  json description = zoo::to_json(architecture);
  description.erase("family");
  return write_json(description);
}

std::string write_model(const ModelSpec& model) {
  if (model.sample_published) {
    return fmt::format("{{family: {}, sample: published}}", model.family);
  }
  if (model.diverse) {
    return fmt::format("{{family: {}, {}}}", model.family,
                       write_diverse(*model.diverse));
  }
  return fmt::format("{{family: {}, architectures: {}}}", model.family,
                     write_flow(model.architectures, write_architecture));
}

}  // namespace

const std::vector<std::string>& model_keys() {
  static const std::vector<std::string> keys = {"family", "sample",
                                                "architectures"};
  return keys;
}

Codec<std::vector<ModelSpec>> models() {
  return {
      .read = [](const Value& value, const std::string& path,
                 Problems& problems) -> std::optional<std::vector<ModelSpec>> {
        std::vector<ModelSpec> all;
        ModelReader reader(problems);
        for (const auto& [at, item] : elements(value, path, problems)) {
          std::optional<ModelSpec> model = reader.read(*item, at);
          if (model) all.push_back(std::move(*model));
        }
        return all;
      },
      .write =
          [](const std::vector<ModelSpec>& all) {
            return write_flow(all, write_model);
          }};
}

}  // namespace cape::grid::yaml
