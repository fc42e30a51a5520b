#include "grid/yaml_optimizers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "grid/yaml_axis.h"
#include "grid/yaml_document.h"

namespace cape::grid::yaml {
namespace {

using nlohmann::json;

Codec<Axis<double>> rates() { return axis(real(above(0))); }

std::optional<OptimizerSpec> read(const Value& value, const std::string& path,
                                  Problems& problems) {
  const bool is_map = value.kind == Value::Kind::map;
  const Value* const kind = is_map ? value.find("kind") : &value;
  const Value missing{.location = value.location};
  const auto word = codec(word_of(trial::optimizer_kinds()))
                        .read(kind != nullptr ? *kind : missing,
                              is_map ? path + ".kind" : path, problems);
  if (!word) return std::nullopt;
  OptimizerSpec spec;
  json description = {{"kind", *word}};
  if (is_map) {
    std::vector<std::string> known = trial::optimizer_keys(*word);
    known.insert(known.begin(), "kind");
    known.emplace_back("learning_rate");
    if (!check_map(value, path, known, problems)) return std::nullopt;
    for (const Value& item : value.items) {
      if (item.key == "learning_rate") {
        const auto own = rates().read(item, path + ".learning_rate", problems);
        if (own) spec.learning_rate = *own;
      } else if (item.key != "kind" && contains(known, item.key)) {
        description[item.key] = scalar_json(item);
      }
    }
  }
  spec.has_weight_decay = description.contains("weight_decay");
  try {
    spec.optimizer = trial::optimizer_from(description);
  } catch (const UserError& error) {
    report_wrong_value(value, path, error.what(), problems);
    return std::nullopt;
  }
  return spec;
}

std::string write(const OptimizerSpec& spec) {
  json description = trial::identity_of(spec.optimizer);
  if (spec.has_weight_decay) {
    description["weight_decay"] = trial::weight_decay_of(spec.optimizer);
  }
  if (spec.learning_rate.values.empty() && description.size() == 1) {
    return trial::kind_of(spec.optimizer);
  }
  std::vector<std::string> fields = {"kind: " + trial::kind_of(spec.optimizer)};
  for (const auto& [key, setting] : description.items()) {
    if (key != "kind") {
      fields.push_back(fmt::format("{}: {}", key, setting.dump()));
    }
  }
  if (!spec.learning_rate.values.empty()) {
    fields.push_back("learning_rate: " + rates().write(spec.learning_rate));
  }
  return fmt::format("{{{}}}", fmt::join(fields, ", "));
}

}  // namespace

Codec<std::vector<OptimizerSpec>> optimizers() {
  return list(Codec<OptimizerSpec>{.read = read, .write = write});
}

}  // namespace cape::grid::yaml
