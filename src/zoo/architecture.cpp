#include "zoo/architecture.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "zoo/catalog.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

/// The text under `key`, which is taken out; empty when there is none.
std::string take_text(nlohmann::json& keys, const char* key) {
  const nlohmann::json text = keys.value(key, nlohmann::json(""));
  if (!text.is_string()) {
    fail_user("{} must be a text (found {})", key, text.dump());
  }
  keys.erase(key);
  return text.get<std::string>();
}

}  // namespace

std::string family(const Architecture& architecture) {
  return std::visit([](const auto& a) { return kind_of(a).family; },
                    architecture);
}

std::string short_name(const Architecture& architecture) {
  return std::visit([](const auto& a) { return name_of(a); }, architecture);
}

InputForm input_form(const Architecture& architecture) {
  return std::visit([](const auto& a) { return kind_of(a).input; },
                    architecture);
}

Shape input_shape(const Architecture& architecture, const Shape& sample) {
  return input_form(architecture).rgb32 ? Shape{3, 32, 32} : sample;
}

static Size size(const Architecture& architecture, const Shape& sample,
                 std::int64_t outputs) {
  const Shape input = input_shape(architecture, sample);
  return std::visit([&](const auto& a) { return size_of(a, input, outputs); },
                    architecture);
}

std::int64_t parameter_count(const Architecture& architecture,
                             const Shape& sample, std::int64_t outputs) {
  return size(architecture, sample, outputs).parameters;
}

double forward_flops(const Architecture& architecture, const Shape& sample,
                     std::int64_t outputs) {
  return size(architecture, sample, outputs).flops;
}

nlohmann::json describe(const Architecture& architecture) {
  return std::visit(
      [](const auto& a) {
        nlohmann::json json = a;
        json["family"] = kind_of(a).family;
        json["kind"] = kind_of(a).name;
        return json;
      },
      architecture);
}

Architecture architecture_from(const nlohmann::json& description) {
  if (!description.is_object()) {
    fail_user("an architecture must be a map of keys (found {})",
              description.dump());
  }
  nlohmann::json keys = description;
  const std::string family = take_text(keys, "family");
  const std::string kind = take_text(keys, "kind");
  return make_architecture(family, kind, keys);
}

}  // namespace cape::zoo
