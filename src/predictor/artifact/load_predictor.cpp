#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "datasets/gzip.h"
#include "predictor/artifact/general_json.h"
#include "predictor/artifact/linear_json.h"
#include "predictor/artifact/perceptron_json.h"
#include "predictor/artifact/predictor.h"
#include "trial/criterion.h"
#include "trial/optimizer.h"
#include "trial/target.h"

namespace cape::predictor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Versions of cape.json.
constexpr int kOldestModelSchemaVersion = 7;
constexpr int kFirstSchemaWithPerceptron = 8;

constexpr std::size_t kMostBytesOfPart = std::size_t{1} << 30;

/// NAME, or NAME.gz where only that is there.
fs::path part_of_model(const fs::path& directory, const std::string& name) {
  const fs::path packed = directory / (name + ".gz");
  return !fs::exists(directory / name) && fs::exists(packed) ? packed
                                                             : directory / name;
}

std::string read_part(const fs::path& path) {
  const datasets::Bytes bytes =
      datasets::read_plain_or_gzip(path, kMostBytesOfPart);
  return {bytes.begin(), bytes.end()};
}

std::string read_required(const fs::path& path) {
  if (!fs::is_regular_file(path)) {
    fail_user("{}: no model ({} is missing); name the --out of a cape_fit",
              path.parent_path().string(), path.filename().string());
  }
  return read_part(path);
}

/// Calls `read`; if it throws, says that `path` is damaged.
template <class Read>
auto undamaged(const fs::path& path, const Read& read) {
  try {
    return read();
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    // XGBoost appends a stack trace to its messages.
    const std::string_view why = error.what();
    fail_user("{}: damaged ({}); fit again", path.string(),
              why.substr(0, why.find('\n')));
  }
}

void check_schema(const json& cape, const fs::path& path) {
  const std::int64_t version = whole_number(cape.at("schema_version"));
  if (kOldestModelSchemaVersion <= version && version <= kModelSchemaVersion)
    return;
  fail_user("{}: schema_version is {}, this program reads {} to {}; {}",
            path.string(), version, kOldestModelSchemaVersion,
            kModelSchemaVersion,
            version > kModelSchemaVersion ? "use a newer one" : "fit again");
}

FeatureSet features_of(const json& cape) {
  FeatureSet set = {cape.at("feature_set"), {}};
  const std::vector<Feature> known = feature_set(set.name).features;
  for (const std::string name : cape.at("features")) {
    const auto found = std::ranges::find(known, name, &Feature::name);
    if (found == known.end()) {
      fail("unknown feature \"{}\"", name);
    }
    set.features.push_back(*found);
  }
  return set;
}

/// Applies `read` to {"overall": .., "families": {family: ..}}.
template <class Read>
auto by_family_of(const json& all, const Read& read) {
  ByFamily<decltype(read(all))> made = {read(all.at("overall")), {}};
  for (const auto& [family, one] : all.at("families").items()) {
    made.families[family] = read(one);
  }
  return made;
}

std::optional<RidgeBase> base_of(const json& cape, std::size_t features) {
  const json& base = cape.at("base");
  if (base.is_null()) return std::nullopt;
  return RidgeBase{by_family_of(
      base, [&](const json& linear) { return linear_from(linear, features); })};
}

/// NaN if no row had the feature.
Ranges ranges_of(const json& by_name, const FeatureSet& features) {
  const auto number = [](const json& value) {
    return static_cast<float>(number_or_nan(value));
  };
  Ranges ranges;
  for (const std::string& name : features.names()) {
    const json& range = by_name.at(name);
    ranges.emplace_back(number(range.at(0)), number(range.at(1)));
    const auto& [least, most] = ranges.back();
    if (least > most) fail("a range of {}, {}", least, most);
  }
  return ranges;
}

std::map<SchemeName, ByFamily<Offsets>> offsets_of(const json& cape) {
  std::map<SchemeName, ByFamily<Offsets>> offsets;
  for (const auto& [scheme, all] : cape.at("intervals").items()) {
    if (scheme == "level") continue;
    offsets[parse_enum<SchemeName>(scheme)] =
        by_family_of(all, [](const json& ends) {
          return Offsets{ends.at(0), ends.at(1)};
        });
  }
  if (!offsets.contains(SchemeName::kfold)) fail("no intervals");
  return offsets;
}

RowsByName counts_of(const json& families) {
  RowsByName counts;
  for (const auto& [family, names] : families.items()) {
    for (const auto& [name, count] : names.items()) {
      counts[family][name] = whole_number(count);
    }
  }
  return counts;
}

/// The counts of data sets and of architectures, which have the same families.
std::pair<RowsByName, RowsByName> counts_by_name(const json& cape) {
  std::pair<RowsByName, RowsByName> both = {
      counts_of(cape.at("datasets")), counts_of(cape.at("architectures"))};
  const auto family = [](const auto& counts) { return counts.first; };
  if (!std::ranges::equal(both.first, both.second, {}, family, family)) {
    fail("data sets of other families than architectures");
  }
  return both;
}

/// Models that were fitted before optimizers and settings were columns have
/// rows of AdamW and the published settings alone.
RowsByName optimizers_of(const json& cape, const RowsByName& architectures) {
  if (cape.contains("optimizers")) return counts_of(cape.at("optimizers"));
  RowsByName optimizers;
  for (const auto& [family, names] : architectures) {
    for (const auto& [name, rows] : names) {
      optimizers[family][trial::AdamW::kName] += rows;
    }
  }
  return optimizers;
}

std::string settings_of_rows(const json& cape) {
  if (cape.contains("training_settings")) return cape.at("training_settings");
  shard::Row row;
  row.target = trial::BatchSteps::kName;
  return settings_of(row);
}

bool with_perceptron(const json& cape) {
  return cape.at("schema_version") >= kFirstSchemaWithPerceptron &&
         cape.at("perceptron").get<bool>();
}

/// A part that cape.json names must be there.
void check_is_there(const fs::path& part) {
  if (fs::exists(part)) return;
  fail_user(
      "{} is missing, a part of the model that cape.json beside it describes; "
      "copy the whole directory, or fit again",
      part.string());
}

std::vector<Perceptron> perceptrons_of(const fs::path& directory,
                                       std::size_t features) {
  const fs::path path = part_of_model(directory, "perceptron.json");
  check_is_there(path);
  return undamaged(path, [&] {
    return perceptrons_from(json::parse(read_part(path)), features);
  });
}

/// Nothing where the directory has no such file and cape.json names none: those
/// of earlier versions name none.
/// `features`: the set that its model must have.
std::optional<GeneralModel> general_part(const fs::path& directory,
                                         const std::string& name,
                                         std::string_view features,
                                         const std::set<std::string>& named) {
  const fs::path path = part_of_model(directory, name);
  if (named.contains(name)) check_is_there(path);
  if (!fs::exists(path)) return std::nullopt;
  GeneralModel read = undamaged(
      path, [&] { return general_model_from(read_part(path), path.string()); });
  if (read.model.features.name != features) {
    fail_user(
        "{}: this is a model of the features \"{}\", where one of the features "
        "\"{}\" belongs; copy the whole directory again, or fit again",
        path.string(), read.model.features.name, features);
  }
  return read;
}

/// Nothing where there is no such model.
std::optional<GeneralModel> first_steps_part(
    const fs::path& directory, std::size_t steps,
    const std::set<std::string>& named) {
  auto read = general_part(directory, first_steps_file(steps),
                           first_steps_features(steps), named);
  // Of versions before there were models of more than 8 steps.
  if (read || steps != kFirstSteps.front()) return read;
  return general_part(directory, "first_steps.json",
                      first_steps_features(steps), named);
}

}  // namespace

std::string first_steps_file(std::size_t steps) {
  return fmt::format("first_steps_{}.json", steps);
}

Predictor load_predictor(const fs::path& directory, std::size_t first_steps) {
  const std::string description = read_required(directory / "cape.json");
  const fs::path trees = part_of_model(directory, "model.json");
  const std::string booster_json = read_required(trees);
  Booster booster =
      undamaged(trees, [&] { return Booster::from_json(booster_json); });
  bool has_perceptron = false;
  std::set<std::string> general_models;
  Predictor loaded = undamaged(directory / "cape.json", [&] {
    const json cape = json::parse(description);
    check_schema(cape, directory / "cape.json");
    has_perceptron = with_perceptron(cape);
    general_models = cape.value("general_models", general_models);
    // From here on nothing throws.
    FeatureSet features = features_of(cape);
    std::optional<RidgeBase> base = base_of(cape, features.size());
    const double level = cape.at("intervals").at("level");
    auto offsets = offsets_of(cape);
    ByFamily<Ranges> ranges = by_family_of(
        cape.at("ranges"),
        [&](const json& by_name) { return ranges_of(by_name, features); });
    auto [datasets, architectures] = counts_by_name(cape);
    RowsByName optimizers = optimizers_of(cape, architectures);
    std::string settings = settings_of_rows(cape);
    return Predictor{.model = {.features = std::move(features),
                               .settings = {},
                               .ranges = std::move(ranges),
                               .base = std::move(base),
                               .booster = std::move(booster)},
                     .level = level,
                     .offsets = std::move(offsets),
                     .datasets = std::move(datasets),
                     .architectures = std::move(architectures),
                     .optimizers = std::move(optimizers),
                     .settings = std::move(settings)};
  });
  if (has_perceptron) {
    loaded.model.perceptrons =
        perceptrons_of(directory, loaded.model.features.size());
  }
  loaded.general =
      general_part(directory, "general.json", "general", general_models);
  if (first_steps > 0) {
    auto general = first_steps_part(directory, first_steps, general_models);
    if (general) loaded.first_steps = {first_steps, *std::move(general)};
  }
  const Model& model = loaded.model;
  if (model.booster.feature_names() != model.features.names()) {
    fail_user("{}: model.json has other features than cape.json; fit again",
              directory.string());
  }
  return loaded;
}

Predictors load_predictors(const fs::path& named, const std::string& target,
                           std::size_t first_steps) {
  if (!fs::is_directory(named)) {
    fail_user("{}: there is no such folder; name the --out of a cape_fit",
              named.string());
  }
  const fs::path directory =
      fs::is_directory(named / target) ? named / target : named;
  const std::string epsilon = trial::name_of(trial::Epsilon{});
  std::vector<fs::path> folders;
  for (const std::string& criterion :
       {epsilon, trial::name_of(trial::EarlyStopping{})}) {
    if (fs::is_directory(directory / criterion)) {
      folders.push_back(directory / criterion);
    }
  }
  if (folders.empty() && !fs::exists(directory / "cape.json")) {
    fail_user(
        "{}: no model for the target {} (there is no cape.json and no folder "
        "{}, {} or {}); name the --out of a cape_fit",
        named.string(), target, target, epsilon,
        trial::name_of(trial::EarlyStopping{}));
  }
  if (folders.empty()) folders.push_back(directory);
  Predictors predictors;
  for (const fs::path& folder : folders) {
    Predictor loaded = load_predictor(folder, first_steps);
    const std::string its_target = loaded.setting("target");
    if (its_target != target) {
      fail_user(
          "{} answers for the target {}, not for {} (train.target of the "
          "configuration); name another model with --model, or fit one on rows "
          "of that target",
          folder.string(), its_target, target);
    }
    // Steps on one batch have one criterion.
    const std::string criterion = loaded.setting("criterion");
    predictors.emplace(criterion.empty() ? epsilon : criterion,
                       std::move(loaded));
  }
  return predictors;
}

}  // namespace cape::predictor
