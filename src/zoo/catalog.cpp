#include "zoo/catalog.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/units.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

template <std::size_t... I>
std::vector<Architecture> one_of_each(std::index_sequence<I...>) {
  return {Architecture(std::in_place_index<I>)...};
}

/// What to do about a word that is not a known one.
std::string advice(const std::string& word,
                   const std::vector<std::string>& known, const char* listing) {
  const std::string meant = nearest(word, known);
  if (!meant.empty()) return fmt::format("did you mean '{}'?", meant);
  return fmt::format("{} {}", listing, fmt::join(known, ", "));
}

const Architecture& prototype(const std::string& family,
                              const std::string& name) {
  for (const Architecture& candidate : prototypes()) {
    if (zoo::family(candidate) == family && kind_name(candidate) == name) {
      return candidate;
    }
  }
  const std::vector<std::string> names = architecture_names(family);
  if (names.empty()) {
    fail_user("unknown family '{}'; {}", family,
              advice(family, families(), "there are:"));
  }
  fail_user("no architecture '{}' in family '{}'; {}", name, family,
            advice(name, names, "there are:"));
}

bool same_type(const nlohmann::json& value, const nlohmann::json& like) {
  if (like.is_number_float()) return value.is_number();
  if (like.is_number_integer()) return value.is_number_integer();
  return value.type() == like.type();
}

const char* type_name(const nlohmann::json& like) {
  if (like.is_number_float()) return "a number";
  if (like.is_number_integer()) return "a whole number";
  if (like.is_array()) return "a list";
  return like.is_boolean() ? "true or false" : "a text";
}

nlohmann::json fields(const Architecture& architecture) {
  return std::visit([](const auto& a) { return nlohmann::json(a); },
                    architecture);
}

}  // namespace

const std::vector<Architecture>& prototypes() {
  static const std::vector<Architecture> all = one_of_each(
      std::make_index_sequence<std::variant_size_v<Architecture>>());
  return all;
}

const char* kind_name(const Architecture& architecture) {
  return std::visit([](const auto& a) { return kind_of(a).name; },
                    architecture);
}

const std::vector<std::string>& families() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Architecture& candidate : prototypes()) {
      if (std::find(all.begin(), all.end(), family(candidate)) == all.end()) {
        all.push_back(family(candidate));
      }
    }
    return all;
  }();
  return names;
}

std::vector<std::string> architecture_names(const std::string& family) {
  std::vector<std::string> names;
  for (const Architecture& candidate : prototypes()) {
    if (zoo::family(candidate) == family) names.push_back(kind_name(candidate));
  }
  return names;
}

std::vector<std::string> architecture_keys(const std::string& name) {
  std::vector<std::string> keys;
  for (const Architecture& candidate : prototypes()) {
    if (kind_name(candidate) != name) continue;
    const nlohmann::json all = fields(candidate);
    for (const auto& [key, value] : all.items()) keys.push_back(key);
  }
  return keys;
}

Architecture make_architecture(const std::string& family,
                               const std::string& name,
                               const nlohmann::json& keys) {
  Architecture made = prototype(family, name);
  nlohmann::json merged = fields(made);
  for (const auto& [key, value] : keys.items()) {
    if (!merged.contains(key)) {
      fail_user("{}: unknown key '{}'; {}", name, key,
                advice(key, architecture_keys(name), "the keys are"));
    }
    if (!same_type(value, merged[key])) {
      fail_user("{}: {} must be {} (found {})", name, key,
                type_name(merged[key]), value.dump());
    }
    merged[key] = value;
  }
  std::visit(
      [&](auto& a) {
        try {
          a = merged.get<std::decay_t<decltype(a)>>();
        } catch (const UserError&) {
          throw;
        } catch (const Error& error) {  // a word that stands for nothing
          fail_user("{}: {}", name, error.what());
        }
        check(a);
      },
      made);
  return made;
}

void check_range(const char* kind, const char* key, double value, double lowest,
                 double highest) {
  if (value >= lowest && value <= highest) return;
  fail_user("{}: {} must be between {} and {} (found {})", kind, key, lowest,
            highest, value);
}

}  // namespace cape::zoo
