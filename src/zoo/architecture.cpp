#include "zoo/architecture.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "zoo/catalog.h"
#include "zoo/overloads.h"

namespace cape::zoo {
namespace {

/// Removes `key` and returns its text; empty when there is none.
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

static Kind kind_of_any(const Architecture& architecture) {
  return std::visit([](const auto& a) { return kind_of(a); }, architecture);
}

std::int64_t embedding_width(const Architecture& architecture,
                             const Sample& sample) {
  return sample.vocabulary > 0 ? kind_of_any(architecture).accepts.embedding
                               : 0;
}

/// Behind an embedding.
static Shape embedded_shape(const Architecture& architecture,
                            const Sample& sample) {
  const std::int64_t width = embedding_width(architecture, sample);
  if (width == 0) return sample.shape;
  return {sample.shape.front(), width};
}

std::string explain_mismatch(const Architecture& architecture,
                             const Sample& given, const Head& head) {
  const Kind kind = kind_of_any(architecture);
  const Accepts& accepts = kind.accepts;
  const std::string what =
      fmt::format("{} ({})", short_name(architecture), kind.family);
  if (given.vocabulary > 0) {
    if (accepts.tokens) return "";
    if (accepts.embedding == 0) {
      return fmt::format(
          "{} takes no tokens; lstm, gru, vit_tiny and lists of layers that "
          "begin with an embedding do",
          what);
    }
  } else if (!accepts.numbers) {
    return fmt::format(
        "{} begins with an embedding, which takes tokens (input: tokens)",
        what);
  }
  const Shape sample = embedded_shape(architecture, given);
  const char* const shape = sample.size() == 1   ? "vectors [D]"
                            : sample.size() == 2 ? "sequences [T, D]"
                                                 : "images [C, H, W]";
  const bool accepted = sample.size() == 1   ? accepts.vectors
                        : sample.size() == 2 ? accepts.sequences
                                             : accepts.images;
  if (!accepted) return fmt::format("{} takes no {}", what, shape);
  if (head.per_step && (sample.size() != 2 || !accepts.steps)) {
    return fmt::format("{} has no outputs for every step of {}", what, shape);
  }
  const bool grey_or_colour = sample.front() == 1 || sample.front() == 3;
  if (sample.size() == 3 && kind.input.rgb32 && !grey_or_colour) {
    return fmt::format("{} takes images of 1 or 3 channels, not of {}", what,
                       sample.front());
  }
  return std::visit(
      [&](const auto& a) {
        const std::string why =
            mismatch_of(a, input_shape(architecture, given), head);
        return why.empty() ? why : fmt::format("{}: {}", what, why);
      },
      architecture);
}

Shape input_shape(const Architecture& architecture, const Sample& sample) {
  const Shape shape = embedded_shape(architecture, sample);
  const bool resized = input_form(architecture).rgb32 && shape.size() == 3;
  return resized ? Shape{3, 32, 32} : shape;
}

static Size size(const Architecture& architecture, const Sample& sample,
                 const Head& head) {
  const Shape input = input_shape(architecture, sample);
  Size size = std::visit([&](const auto& a) { return size_of(a, input, head); },
                         architecture);
  size.parameters += sample.vocabulary * embedding_width(architecture, sample);
  return size;
}

std::int64_t parameter_count(const Architecture& architecture,
                             const Sample& sample, const Head& head) {
  return size(architecture, sample, head).parameters;
}

bool has_known_size(const Architecture& architecture) {
  return !std::holds_alternative<TorchScript>(architecture);
}

double forward_flops(const Architecture& architecture, const Sample& sample,
                     const Head& head) {
  return size(architecture, sample, head).flops;
}

nlohmann::json to_json(const Architecture& architecture) {
  return std::visit(
      [](const auto& a) {
        nlohmann::json json = a;
        json["family"] = kind_of(a).family;
        json["kind"] = kind_of(a).name;
        return json;
      },
      architecture);
}

/// A revision is said where it is not 0, which it was before there were any.
static nlohmann::json without_revision_0(const Architecture& architecture) {
  nlohmann::json json = to_json(architecture);
  json.erase("revision");
  if (revision(architecture) != 0) json["revision"] = revision(architecture);
  return json;
}

nlohmann::json describe(const Architecture& architecture) {
  nlohmann::json json = without_revision_0(architecture);
  const auto file = json.find("file");
  if (file != json.end()) {
    *file = std::filesystem::path(file->get<std::string>()).filename().string();
  }
  return json;
}

nlohmann::json identity(const Architecture& architecture) {
  nlohmann::json json = without_revision_0(architecture);
  json.erase("file");
  if (std::holds_alternative<Sequential>(architecture)) json.erase("name");
  return json;
}

int revision(const Architecture& architecture) {
  return std::visit([](const auto& a) { return kind_of(a).revision; },
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
