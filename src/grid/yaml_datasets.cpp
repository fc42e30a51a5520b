#include "grid/yaml_datasets.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "grid/yaml_document.h"

namespace cape::grid::yaml {
namespace {

using datasets::Task;
using datasets::UserDataset;

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

/// The members of `user`, which outlives them, as keys below `path`.
std::vector<Key> user_dataset_keys(const std::string& path, UserDataset& user) {
  const auto at = [&](const char* name) {
    return fmt::format("{}.{}", path, name);
  };
  const double lowest = std::numeric_limits<double>::lowest();
  return {
      key(at("format"), user.format, word_of(datasets::user_dataset_formats())),
      key(at("x"), user.x, text()),
      key(at("y"), user.y, text()),
      key(at("layout"), user.layout, word_of(datasets::user_layouts())),
      key(at("input"), user.input, enumerator<datasets::InputKind>()),
      key(at("vocabulary"), user.vocabulary,
          whole(from_to(1, datasets::kMostTokens))),
      key(at("task"), user.task, enumerator<Task>()),
      key(at("classes"), user.classes, whole(at_least(1))),
      key(at("mean"), user.mean, numbers(at_least(lowest))),
      key(at("std"), user.deviation, numbers(above(0))),
      key(at("n"), user.train_size, whole(at_least(1)))};
}

std::string name_in(const Key& key) {
  return key.path.substr(key.path.find_last_of('.') + 1);
}

/// What the members together must be.
void check_user_dataset(const Value& value, const std::string& path,
                        UserDataset& user, Problems& problems) {
  if (user.x.empty()) {
    report_wrong_value(value, path, "give x, the file of the samples",
                       problems);
    return;
  }
  const bool records = user.x.ends_with(".bin") || user.x.ends_with(".bin.gz");
  if (user.format.empty() && records) user.format = datasets::kCifarFormat;
  const bool cifar = user.format == datasets::kCifarFormat;
  if (cifar != user.y.empty()) {
    report_wrong_value(value, path,
                       cifar ? "remove y: the records of cifar-bin hold labels"
                             : "give y, the file of the labels",
                       problems);
  }
  if (cifar && user.task != Task::classification) {
    report_wrong_value(value, path, "the labels of cifar-bin are classes",
                       problems);
  }
  if (cifar && !user.layout.empty()) {
    report_wrong_value(value, path,
                       "remove layout: records of cifar-bin have "
                       "their own",
                       problems);
  }
  const bool tokens = user.input == datasets::InputKind::tokens;
  if (!tokens && user.vocabulary > 0) {
    report_wrong_value(value, path, "vocabulary is for input: tokens",
                       problems);
  }
  if (tokens && (cifar || !user.mean.empty() || !user.deviation.empty())) {
    report_wrong_value(value, path,
                       "tokens are not standardised: remove mean and std, and "
                       "a format of images",
                       problems);
  }
  if (user.task == Task::regression && user.classes > 0) {
    report_wrong_value(value, path, "remove classes: a regression has none",
                       problems);
  }
}

/// The name of a user's data set, which is none of a known data set's.
std::optional<std::string> read_user_dataset_name(const Value& value,
                                                  const std::string& path,
                                                  Problems& problems) {
  auto name = codec(file_word()).read(value, path, problems);
  if (!name) return std::nullopt;
  if (contains(datasets::known_datasets(), *name)) {
    report_wrong_value(
        value, path,
        "a known data set has this name; take another for your own", problems);
  }
  return name;
}

std::optional<DatasetSpec> read_map(const Value& value, const std::string& path,
                                    Problems& problems) {
  DatasetSpec spec;
  UserDataset user;
  const std::vector<Key> keys = user_dataset_keys(path, user);
  std::vector<std::string> names = {"name", "variant"};
  for (const Key& key : keys) names.push_back(name_in(key));
  check_map(value, path, names, problems);
  bool is_user_dataset = false;
  for (const Key& key : keys) {
    const Value* const given = value.find(name_in(key));
    if (given == nullptr) continue;
    is_user_dataset = true;
    key.read(*given, problems);
  }
  const Value missing{.location = value.location};
  const Value* const given = value.find("name");
  const Value& named = given != nullptr ? *given : missing;
  const auto name =
      is_user_dataset ? read_user_dataset_name(named, path + ".name", problems)
                      : codec(word_of(datasets::known_datasets()))
                            .read(named, path + ".name", problems);
  if (!name) return std::nullopt;
  spec.name = *name;
  if (is_user_dataset) {
    check_user_dataset(value, path, user, problems);
    spec.user = user;
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
    UserDataset user = *spec.user;
    UserDataset none;
    const std::vector<Key> keys = user_dataset_keys("", user);
    const std::vector<Key> defaults = user_dataset_keys("", none);
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
