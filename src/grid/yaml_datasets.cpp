#include "grid/yaml_datasets.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "grid/yaml_document.h"

namespace cape::grid::yaml {
namespace {

using datasets::Task;
using datasets::UserDataset;

constexpr std::size_t kLongestName = 32;  // of the column

/// The members of `variant`, which outlives them, as keys below `path`.
std::vector<Key> variant_keys(const std::string& path,
                              datasets::Variant& variant) {
  const auto at = [&](const char* name) {
    return fmt::format("{}.{}", path, name);
  };
  return {key(at("classes"), variant.classes, whole(at_least(2))),
          key(at("label_noise"), variant.label_noise, real(from_to(0, 1))),
          key(at("lowres"), variant.lowres, whole(from_to(1, 32))),
          key(at("invert"), variant.invert, flag()),
          key(at("scale"), variant.scale, real(above(0))),
          key(at("noise"), variant.noise, real(at_least(0)))};
}

void read_variant(const Value& value, const std::string& path,
                  DatasetSpec& spec, Problems& problems) {
  if (value.kind != Value::Kind::map) {
    spec.sample_variant =
        codec(word_of({"sample"})).read(value, path, problems).has_value();
    return;
  }
  const std::vector<Key> keys = variant_keys(path, spec.variant);
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const Key& key : keys) names.push_back(key.path.substr(path.size() + 1));
  check_map(value, path, names, problems);
  for (std::size_t k = 0; k < keys.size(); ++k) {
    const Value* const given = value.find(names[k]);
    if (given != nullptr) keys[k].read(*given, problems);
  }
}

/// Numbers, among which the same may be again; one may stand alone.
Codec<std::vector<double>> numbers(const Range& range) {
  const Codec<double> number = codec(real(range));
  return {
      .read = [=](const Value& value, const std::string& path,
                  Problems& problems) -> std::optional<std::vector<double>> {
        std::vector<double> all;
        for (const auto& [at, item] : elements(value, path, problems)) {
          if (const auto read = number.read(*item, at, problems)) {
            all.push_back(*read);
          }
        }
        return all;
      },
      .write =
          [=](const std::vector<double>& all) {
            return write_flow(all, number.write);
          }};
}

/// The members of `own`, which outlives them, as keys below `path`.
std::vector<Key> own_keys(const std::string& path, UserDataset& own) {
  const auto at = [&](const char* name) {
    return fmt::format("{}.{}", path, name);
  };
  const double lowest = std::numeric_limits<double>::lowest();
  return {
      key(at("format"), own.format, word_of(datasets::user_dataset_formats())),
      key(at("x"), own.x, text()),
      key(at("y"), own.y, text()),
      key(at("task"), own.task, enumerator<Task>()),
      key(at("classes"), own.classes, whole(at_least(1))),
      key(at("mean"), own.mean, numbers(at_least(lowest))),
      key(at("std"), own.deviation, numbers(above(0))),
      key(at("n"), own.train_size, whole(at_least(1)))};
}

std::string name_in(const Key& key) {
  return key.path.substr(key.path.find_last_of('.') + 1);
}

/// What the members together must be.
void check_own(const Value& value, const std::string& path, UserDataset& own,
               Problems& problems) {
  if (own.x.empty()) {
    report_wrong_value(value, path, "give x, the file of the samples",
                       problems);
    return;
  }
  if (own.format.empty()) own.format = datasets::format_by_name(own.x);
  if (own.format.empty()) {
    report_wrong_value(
        value, path,
        fmt::format("give format, one of {}",
                    fmt::join(datasets::user_dataset_formats(), ", ")),
        problems);
  } else if ((own.format == "cifar-bin") != own.y.empty()) {
    report_wrong_value(value, path,
                       own.y.empty()
                           ? "give y, the file of the labels"
                           : "remove y: the records of cifar-bin hold labels",
                       problems);
  }
  if (own.format == "cifar-bin" && own.task != Task::classification) {
    report_wrong_value(value, path, "the labels of cifar-bin are classes",
                       problems);
  }
  if (own.task == Task::regression && own.classes > 0) {
    report_wrong_value(value, path, "remove classes: a regression has none",
                       problems);
  }
}

/// Of data of the user's own: no known one's, and fit for a column.
std::optional<std::string> read_own_name(const Value& value,
                                         const std::string& path,
                                         Problems& problems) {
  auto name = codec(file_word()).read(value, path, problems);
  if (!name) return std::nullopt;
  if (contains(datasets::known_datasets(), *name)) {
    report_wrong_value(
        value, path,
        "a known data set has this name; take another for your own", problems);
  } else if (name->size() > kLongestName) {
    report_wrong_value(
        value, path,
        fmt::format("give a name of at most {} characters", kLongestName),
        problems);
  }
  return name;
}

std::optional<DatasetSpec> read_map(const Value& value, const std::string& path,
                                    Problems& problems) {
  DatasetSpec spec;
  UserDataset own;
  const std::vector<Key> keys = own_keys(path, own);
  std::vector<std::string> names = {"name", "variant"};
  for (const Key& key : keys) names.push_back(name_in(key));
  check_map(value, path, names, problems);
  bool is_own = false;
  for (const Key& key : keys) {
    const Value* const given = value.find(name_in(key));
    if (given == nullptr) continue;
    is_own = true;
    key.read(*given, problems);
  }
  const Value missing{.location = value.location};
  const Value* const given = value.find("name");
  const Value& named = given != nullptr ? *given : missing;
  const auto name = is_own ? read_own_name(named, path + ".name", problems)
                           : codec(word_of(datasets::known_datasets()))
                                 .read(named, path + ".name", problems);
  if (!name) return std::nullopt;
  spec.name = *name;
  if (is_own) {
    check_own(value, path, own, problems);
    spec.user = own;
  }
  const Value* const variant = value.find("variant");
  if (variant != nullptr) {
    read_variant(*variant, path + ".variant", spec, problems);
  }
  return spec;
}

std::string write_variant(const DatasetSpec& spec) {
  if (spec.sample_variant) return "sample";
  const nlohmann::json differing = datasets::to_json(spec.variant);
  datasets::Variant variant = spec.variant;
  std::vector<std::string> fields;
  for (const Key& key : variant_keys("", variant)) {
    if (!differing.contains(name_in(key))) continue;
    fields.push_back(fmt::format("{}: {}", name_in(key), key.write()));
  }
  return fmt::format("{{{}}}", fmt::join(fields, ", "));
}

std::string write_dataset(const DatasetSpec& spec) {
  std::vector<std::string> fields = {
      "name: " + (spec.user ? file_word().write(spec.name) : spec.name)};
  if (spec.user) {
    UserDataset own = *spec.user;
    UserDataset none;
    const std::vector<Key> keys = own_keys("", own);
    const std::vector<Key> defaults = own_keys("", none);
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const std::string written = keys[k].write();
      if (written == defaults[k].write() && name_in(keys[k]) != "task") {
        continue;
      }
      fields.push_back(fmt::format("{}: {}", name_in(keys[k]), written));
    }
  }
  if (spec.sample_variant || spec.variant != datasets::Variant{}) {
    fields.push_back("variant: " + write_variant(spec));
  }
  if (fields.size() == 1) return spec.name;
  return fmt::format("{{{}}}", fmt::join(fields, ", "));
}

}  // namespace

Codec<DatasetSpec> dataset() {
  return {.read = [](const Value& value, const std::string& path,
                     Problems& problems) -> std::optional<DatasetSpec> {
            if (value.kind == Value::Kind::map) {
              return read_map(value, path, problems);
            }
            const auto name = codec(word_of(datasets::known_datasets()))
                                  .read(value, path, problems);
            if (!name) return std::nullopt;
            return DatasetSpec{.name = *name};
          },
          .write = write_dataset};
}

}  // namespace cape::grid::yaml
