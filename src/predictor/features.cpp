#include "predictor/features.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace cape {
namespace {

constexpr std::array<Feature, 6> kPaperFeatures = {{
    {"log_p", [](const MetaRow& row) { return row.log_p; }},
    {"log_g2", [](const MetaRow& row) { return row.log_g2; }},
    {"log_tau", [](const MetaRow& row) { return row.log_tau; }},
    {"log_n", [](const MetaRow& row) { return row.log_n; }},
    {"log_lr", [](const MetaRow& row) { return row.log_lr; }},
    {"log_b", [](const MetaRow& row) { return row.log_b; }},
}};

constexpr FeatureSet kPaper = {"paper", kPaperFeatures};

}  // namespace

std::vector<std::string> FeatureSet::names() const {
  std::vector<std::string> names;
  for (const Feature& feature : features) names.emplace_back(feature.name);
  return names;
}

const FeatureSet& feature_set(std::string_view name) {
  if (name == kPaper.name) return kPaper;
  fail_user("unknown feature set \"{}\"; known: {}", name, kPaper.name);
}

bool is_usable(const MetaRow& row, const FeatureSet& features) {
  const auto is_finite = [&row](const Feature& feature) {
    return std::isfinite(feature.value(row));
  };
  return row.t_star >= 1 && std::ranges::all_of(features.features, is_finite);
}

Matrix feature_matrix(const MetaTable& table, std::span<const RowIndex> rows,
                      const FeatureSet& features) {
  Matrix matrix(rows.size(), features.features.size());
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t j = 0; j < matrix.columns; ++j) {
      matrix.at(i, j) = features.features[j].value(table.rows[rows[i]]);
    }
  }
  return matrix;
}

std::vector<std::pair<float, float>> feature_ranges(
    const MetaTable& table, std::span<const RowIndex> rows,
    const FeatureSet& features) {
  std::vector<std::pair<float, float>> ranges;
  for (const Feature& feature : features.features) {
    const auto value = [&](RowIndex row) {
      return feature.value(table.rows[row]);
    };
    const auto [least, greatest] =
        std::ranges::minmax_element(rows, std::less<>{}, value);
    ranges.emplace_back(value(*least), value(*greatest));
  }
  return ranges;
}

std::vector<float> log_steps(const MetaTable& table,
                             std::span<const RowIndex> rows) {
  std::vector<float> target;
  target.reserve(rows.size());
  for (const RowIndex row : rows) {
    target.push_back(std::log(static_cast<float>(table.rows[row].t_star)));
  }
  return target;
}

double steps_from_log(double log_t_star) {
  return std::clamp(std::exp(log_t_star), 1.0, kMaxSteps);
}

}  // namespace cape
