#include "predictor/saved_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/json.h"
#include "predictor/model_dir.h"

namespace cape {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string read_part(const fs::path& directory, const char* name) {
  const fs::path path = directory / name;
  if (!fs::is_regular_file(path)) {
    fail_user("{}: no model ({} is missing); name the --out of a cape_fit",
              directory.string(), name);
  }
  return read_file(path);
}

/// What `read` gives; where it cannot, `path` is damaged.
template <class Read>
auto undamaged(const fs::path& path, const Read& read) {
  try {
    return read();
  } catch (const UserError&) {
    throw;
  } catch (const std::exception& error) {
    // XGBoost adds a trace.
    const std::string_view why = error.what();
    fail_user("{}: damaged ({}); fit again", path.string(),
              why.substr(0, why.find('\n')));
  }
}

void check_schema(const json& cape, const fs::path& path) {
  const std::int64_t version = whole_number(cape.at("schema_version"));
  if (version == kModelSchemaVersion) return;
  fail_user("{}: schema_version is {}, this program reads {}; {}",
            path.string(), version, kModelSchemaVersion,
            version > kModelSchemaVersion ? "use a newer one" : "fit again");
}

FeatureSet features_of(const json& cape) {
  FeatureSet set = {cape.at("feature_set"), {}};
  const std::vector<Feature> known = feature_set("extended").features;
  for (const std::string name : cape.at("features")) {
    const auto found = std::ranges::find(known, name, &Feature::name);
    if (found == known.end()) {
      fail("unknown feature \"{}\"", name);
    }
    set.features.push_back(*found);
  }
  return set;
}

LinearModel linear_of(const json& linear, std::size_t features) {
  LinearModel model = {.weights = linear.at("weights"),
                       .means = linear.at("missing"),
                       .intercept = linear.at("intercept")};
  if (model.weights.size() != features || model.means.size() != features) {
    fail("a base of {} weights for {} features", model.weights.size(),
         features);
  }
  return model;
}

std::optional<RidgeBase> base_of(const json& cape, std::size_t features) {
  const json& base = cape.at("base");
  if (base.is_null()) return std::nullopt;
  RidgeBase made = {.overall = linear_of(base.at("overall"), features),
                    .families = {}};
  for (const auto& [family, linear] : base.at("families").items()) {
    made.families[family] = linear_of(linear, features);
  }
  return made;
}

/// NaN where no row had the feature: nothing is outside of that.
Ranges ranges_of(const json& cape) {
  const auto number = [](const json& value) {
    return value.is_null() ? std::numeric_limits<float>::quiet_NaN()
                           : value.get<float>();
  };
  Ranges ranges;
  for (const std::string name : cape.at("features")) {
    const json& range = cape.at("ranges").at(name);
    ranges.emplace_back(number(range.at(0)), number(range.at(1)));
    const auto& [least, most] = ranges.back();
    if (least > most) fail("a range of {}, {}", least, most);
  }
  return ranges;
}

std::map<std::string, OffsetsByFamily> offsets_of(const json& cape) {
  std::map<std::string, OffsetsByFamily> offsets;
  for (const auto& [scheme, families] : cape.at("intervals").items()) {
    if (scheme == "level") continue;
    for (const auto& [family, ends] : families.items()) {
      offsets[scheme][family] = {ends.at(0), ends.at(1)};
    }
  }
  for (const auto& [scheme, families] : offsets) {
    if (!families.contains("overall")) fail("no interval for {}", scheme);
  }
  if (!offsets.contains("kfold")) fail("no intervals");
  return offsets;
}

std::set<std::string> keys_of(const json& counts) {
  std::set<std::string> keys;
  for (const auto& [key, count] : counts.items()) keys.insert(key);
  return keys;
}

std::map<std::string, std::set<std::string>> architectures_of(
    const json& cape) {
  std::map<std::string, std::set<std::string>> all;
  for (const auto& [family, counts] : cape.at("architectures").items()) {
    all[family] = keys_of(counts);
  }
  return all;
}

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

std::vector<std::string> unseen(const SavedModel& model, const MetaTable& table,
                                const MetaRow& row) {
  std::vector<std::string> what;
  const auto known = model.architectures.find(table.family(row));
  if (known == model.architectures.end()) {
    what.emplace_back("family");
  } else if (!known->second.contains("") &&
             !known->second.contains(table.architecture(row))) {
    what.emplace_back("architecture");
  }
  if (!model.datasets.contains(table.dataset(row))) {
    what.emplace_back("dataset");
  }
  return what;
}

/// The schemes whose errors are those to expect.
std::vector<std::string> schemes_for(const Prediction& one) {
  const bool strange =
      !one.extrapolated.empty() || contains(one.unseen, "family");
  std::vector<std::string> schemes = {"kfold"};
  if (strange || contains(one.unseen, "dataset")) {
    schemes.emplace_back("leave_one_dataset_out");
  }
  if (strange || contains(one.unseen, "architecture")) {
    schemes.emplace_back("leave_one_architecture_out");
  }
  return schemes;
}

Offsets widest(const SavedModel& model, const std::string& family,
               const std::vector<std::string>& schemes) {
  Offsets widest;
  for (const std::string& scheme : schemes) {
    const auto by_family = model.offsets.find(scheme);
    // With one data set, say, none could be left out.
    if (by_family == model.offsets.end()) continue;
    const OffsetsByFamily& offsets = by_family->second;
    const Offsets& ends =
        offsets.contains(family) ? offsets.at(family) : offsets.at("overall");
    widest.lower = std::min(widest.lower, ends.lower);
    widest.upper = std::max(widest.upper, ends.upper);
  }
  return widest;
}

}  // namespace

std::vector<Prediction> SavedModel::predict(const MetaTable& table) const {
  const std::vector<RowIndex> rows = all_rows(table);
  const Matrix x = feature_matrix(table, rows, model.features);
  const std::vector<float> logs = model.predict_log(table, rows);
  const Matrix shares = model.contributions(table, rows);
  std::vector<Prediction> predictions(rows.size());
  for (const RowIndex i : rows) {
    Prediction& one = predictions[i];
    for (std::size_t j = 0; j < x.columns; ++j) {
      one.features.push_back(x.at(i, j));
      const auto& [least, most] = model.ranges[j];
      if (x.at(i, j) < least || x.at(i, j) > most) {
        one.extrapolated.emplace_back(model.features.features[j].name);
      }
    }
    for (std::size_t j = 0; j < shares.columns; ++j) {
      one.contributions.push_back(shares.at(i, j));
    }
    const MetaRow& row = table.rows[i];
    one.unseen = unseen(*this, table, row);
    const Offsets ends = widest(*this, table.family(row), schemes_for(one));
    one.steps = steps_from_log(logs[i]);
    one.lower = steps_from_log(logs[i] + ends.lower);
    one.upper = steps_from_log(logs[i] + ends.upper);
  }
  return predictions;
}

SavedModel load_model(const fs::path& directory) {
  const std::string description = read_part(directory, "cape.json");
  const std::string trees = read_part(directory, "model.json");
  Booster booster = undamaged(directory / "model.json",
                              [&] { return Booster::from_json(trees); });
  SavedModel saved = undamaged(directory / "cape.json", [&] {
    const json cape = json::parse(description);
    check_schema(cape, directory / "cape.json");
    // Nothing throws once there is a SavedModel.
    FeatureSet features = features_of(cape);
    std::optional<RidgeBase> base = base_of(cape, features.size());
    const double level = cape.at("intervals").at("level");
    auto offsets = offsets_of(cape);
    Ranges ranges = ranges_of(cape);
    std::set<std::string> datasets = keys_of(cape.at("datasets"));
    auto architectures = architectures_of(cape);
    return SavedModel{.model = {.features = std::move(features),
                                .settings = {},
                                .ranges = std::move(ranges),
                                .base = std::move(base),
                                .booster = std::move(booster)},
                      .level = level,
                      .offsets = std::move(offsets),
                      .datasets = std::move(datasets),
                      .architectures = std::move(architectures)};
  });
  const Model& model = saved.model;
  if (model.booster.feature_names() != model.features.names()) {
    fail_user("{}: model.json has other features than cape.json; fit again",
              directory.string());
  }
  return saved;
}

}  // namespace cape
