#include "trial/optimizer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/error.h"

namespace cape::trial {
namespace {

using nlohmann::json;

/// Calls `take` with a default value of every kind.
template <class Take, std::size_t... I>
void for_each_kind(Take take, std::index_sequence<I...> /*kinds*/) {
  (take(std::variant_alternative_t<I, Optimizer>{}), ...);
}
template <class Take>
void for_each_kind(Take take) {
  for_each_kind(take,
                std::make_index_sequence<std::variant_size_v<Optimizer>>{});
}

Optimizer default_of(const std::string& kind) {
  std::optional<Optimizer> found;
  for_each_kind([&](const auto& optimizer) {
    if (optimizer.kName == kind) found = optimizer;
  });
  if (!found) {
    fail_user("no optimizer '{}'; known: {}", kind,
              fmt::join(optimizer_kinds(), ", "));
  }
  return *found;
}

void check_weight_decay(double weight_decay) {
  if (std::isfinite(weight_decay) && weight_decay >= 0) return;
  fail_user("weight_decay must be a number of at least 0 (found {})",
            weight_decay);
}

void check(const AdamW& adamw) { check_weight_decay(adamw.weight_decay); }

void check(const Adam& adam) { check_weight_decay(adam.weight_decay); }

void check(const Sgd& sgd) {
  check_weight_decay(sgd.weight_decay);
  if (!(sgd.momentum >= 0 && sgd.momentum < 1)) {
    fail_user("momentum must be at least 0 and below 1 (found {})",
              sgd.momentum);
  }
  if (sgd.nesterov && sgd.momentum == 0) {
    fail_user(
        "nesterov needs a momentum above 0 (found 0); give one, or leave "
        "nesterov out");
  }
}

void read(const json& value, const char* key, double& target) {
  if (!value.is_number()) {
    fail_user("{} must be a number (found {})", key, value.dump());
  }
  target = value.get<double>();
}

void read(const json& value, const char* key, bool& target) {
  if (!value.is_boolean()) {
    fail_user("{} must be true or false (found {})", key, value.dump());
  }
  target = value.get<bool>();
}

/// "momentum=0.5", or of a flag its name alone.
std::string setting_text(const char* key, double value) {
  return fmt::format("{}={}", key, value);
}
std::string setting_text(const char* key, bool value) {
  return value ? key : fmt::format("no {}", key);
}

}  // namespace

const std::vector<std::string>& optimizer_kinds() {
  static const std::vector<std::string> kinds = [] {
    std::vector<std::string> all;
    for_each_kind(
        [&](const auto& optimizer) { all.emplace_back(optimizer.kName); });
    return all;
  }();
  return kinds;
}

std::vector<std::string> optimizer_keys(const std::string& kind) {
  std::vector<std::string> keys;
  const Optimizer optimizer = default_of(kind);
  std::visit(
      [&](const auto& o) {
        o.visit_keys(
            o, [&](const char* key, const auto&) { keys.emplace_back(key); });
      },
      optimizer);
  return keys;
}

std::string kind_of(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return std::string(o.kName); },
                    optimizer);
}

std::string name_of(const Optimizer& optimizer) {
  const json identity = identity_of(optimizer);
  std::vector<std::string> settings;
  std::visit(
      [&](const auto& o) {
        o.visit_keys(o, [&](const char* key, const auto& value) {
          if (identity.contains(key)) {
            settings.push_back(setting_text(key, value));
          }
        });
      },
      optimizer);
  if (settings.empty()) return kind_of(optimizer);
  return fmt::format("{}({})", kind_of(optimizer), fmt::join(settings, ", "));
}

double weight_decay_of(const Optimizer& optimizer) {
  return std::visit([](const auto& o) { return o.weight_decay; }, optimizer);
}

Optimizer with_weight_decay(Optimizer optimizer, double weight_decay) {
  std::visit([&](auto& o) { o.weight_decay = weight_decay; }, optimizer);
  return optimizer;
}

json to_json(const Optimizer& optimizer) {
  return std::visit(
      [](const auto& o) {
        json description = {{"kind", o.kName}};
        o.visit_keys(o, [&](const char* key, const auto& value) {
          description[key] = value;
        });
        return description;
      },
      optimizer);
}

json identity_of(const Optimizer& optimizer) {
  const json defaults = to_json(default_of(kind_of(optimizer)));
  json identity = to_json(optimizer);
  identity.erase("weight_decay");
  for (const auto& [key, value] : defaults.items()) {
    if (key != "kind" && identity.value(key, json()) == value) {
      identity.erase(key);
    }
  }
  return identity;
}

Optimizer optimizer_from(const json& description) {
  if (!description.is_object() || !description.contains("kind") ||
      !description["kind"].is_string()) {
    fail_user("an optimizer must be a map with its kind (found {})",
              description.dump());
  }
  const std::string kind = description["kind"];
  Optimizer optimizer = default_of(kind);
  const std::vector<std::string> known = optimizer_keys(kind);
  for (const auto& [key, value] : description.items()) {
    if (key == "kind" || std::ranges::find(known, key) != known.end()) continue;
    fail_user("{} has no setting '{}'; known: {}", kind, key,
              fmt::join(known, ", "));
  }
  std::visit(
      [&](auto& o) {
        o.visit_keys(o, [&](const char* key, auto& value) {
          const auto found = description.find(key);
          if (found != description.end()) read(*found, key, value);
        });
        check(o);
      },
      optimizer);
  return optimizer;
}

}  // namespace cape::trial
