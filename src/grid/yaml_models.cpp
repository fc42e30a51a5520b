#include "grid/yaml_models.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/error.h"
#include "grid/yaml_document.h"
#include "zoo/catalog.h"
#include "zoo/sampler.h"

namespace cape::grid::yaml {
namespace {

using nlohmann::json;

class ModelReader {
 public:
  explicit ModelReader(Problems& problems) : problems_(problems) {}

  std::optional<ModelSpec> read(const Value& value, const std::string& path) {
    if (!check_map(value, path, model_keys(), problems_)) return std::nullopt;
    const auto family = read_word(value, path, "family", zoo::families());
    if (!family) return std::nullopt;
    ModelSpec model;
    model.family = *family;
    const Value* const sample = value.find("sample");
    const Value* const architectures = value.find("architectures");
    if ((sample == nullptr) == (architectures == nullptr)) {
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

  void read_architecture(const Value& value, const std::string& path,
                         ModelSpec& model) {
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
};

/// A text that YAML could take for something else in quotes.
std::string write_text(const std::string& text) {
  const bool is_plain = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
           c == '-';
  });
  return is_plain ? text : json(text).dump();
}

std::string write_architecture(const zoo::Architecture& architecture) {
  std::vector<std::string> fields;
  const json description = zoo::to_json(architecture);
  for (const auto& [key, value] : description.items()) {
    if (key == "family") continue;
    fields.push_back(fmt::format("{}: {}", key,
                                 value.is_string()
                                     ? write_text(value.get<std::string>())
                                     : value.dump()));
  }
  return fmt::format("{{{}}}", fmt::join(fields, ", "));
}

std::string write_model(const ModelSpec& model) {
  if (model.sample_published) {
    return fmt::format("{{family: {}, sample: published}}", model.family);
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
