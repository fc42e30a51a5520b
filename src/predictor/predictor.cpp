#include "predictor/predictor.h"

#include <algorithm>
#include <string_view>

namespace cape {
namespace {

bool contains(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

/// What other families were measured on says little of this one.
std::vector<std::string> unseen(const Predictor& predictor,
                                const MetaTable& table, const MetaRow& row) {
  const std::string& family = table.family(row);
  if (!predictor.architectures.contains(family)) return {"family"};
  std::vector<std::string> what;
  const auto& architectures = predictor.architectures.at(family);
  if (!architectures.contains("") &&
      !architectures.contains(table.architecture(row))) {
    what.emplace_back("architecture");
  }
  if (!predictor.datasets.at(family).contains(table.dataset(row))) {
    what.emplace_back("dataset");
  }
  return what;
}

/// What is outside of `ranges`, those of the row's family.
std::vector<std::string> extrapolated(std::span<const float> row,
                                      const Ranges& ranges,
                                      const FeatureSet& features) {
  std::vector<std::string> names;
  for (std::size_t j = 0; j < row.size(); ++j) {
    const auto& [least, most] = ranges[j];
    if (row[j] < least || row[j] > most) {
      names.emplace_back(features.features[j].name);
    }
  }
  return names;
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

Offsets widest(const Predictor& predictor, const std::string& family,
               const std::vector<std::string>& schemes) {
  Offsets widest;
  for (const std::string& scheme : schemes) {
    const auto found = predictor.offsets.find(scheme);
    // With one data set, say, none could be left out.
    if (found == predictor.offsets.end()) continue;
    const Offsets& offsets = found->second.of(family);
    widest.lower = std::min(widest.lower, offsets.lower);
    widest.upper = std::max(widest.upper, offsets.upper);
  }
  return widest;
}

}  // namespace

std::vector<Prediction> Predictor::predict(
    const MetaTable& table, std::span<const RowIndex> rows) const {
  const Matrix x = feature_matrix(table, rows, model.features);
  const std::vector<float> logs = model.predict_log(table, rows);
  const Matrix shares = model.contributions(table, rows);
  std::vector<Prediction> predictions(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Prediction& one = predictions[i];
    const MetaRow& row = table.rows[rows[i]];
    const std::string& family = table.family(row);
    one.features.assign(x.row(i).begin(), x.row(i).end());
    one.contributions.assign(shares.row(i).begin(), shares.row(i).end());
    one.extrapolated =
        extrapolated(x.row(i), model.ranges.of(family), model.features);
    one.unseen = unseen(*this, table, row);
    const Offsets ends = widest(*this, family, schemes_for(one));
    one.steps = steps_from_log(logs[i]);
    one.interval = {steps_from_log(logs[i] + ends.lower),
                    steps_from_log(logs[i] + ends.upper)};
  }
  return predictions;
}

}  // namespace cape
