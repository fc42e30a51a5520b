#include "predictor/evaluate.h"

#include <fmt/format.h>

#include <map>
#include <string_view>

namespace cape {
namespace {

struct Pairs {
  std::vector<double> measured;
  std::vector<double> predicted;
};

/// Adds a group for each value of a column, which `value_of` reads.
template <class ValueOf>
void add_groups(std::string_view column, const MetaTable& table,
                std::span<const double> predicted, ValueOf value_of,
                std::vector<Group>& groups) {
  std::map<std::decay_t<decltype(value_of(table.rows[0]))>, Pairs> parts;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    Pairs& part = parts[value_of(table.rows[i])];
    part.measured.push_back(table.rows[i].t_star);
    part.predicted.push_back(predicted[i]);
  }
  for (const auto& [value, part] : parts) {
    groups.push_back({std::string(column), fmt::format("{}", value),
                      compute_metrics(part.measured, part.predicted)});
  }
}

}  // namespace

std::string Group::name() const {
  return column.empty() ? "overall" : column + "=" + value;
}

std::vector<double> cross_validate(const MetaTable& table,
                                   std::span<const int> fold_of_row, int folds,
                                   const Fit& fit) {
  std::vector<double> predicted(table.rows.size());
  for (int fold = 0; fold < folds; ++fold) {
    std::vector<RowIndex> train;
    std::vector<RowIndex> test;
    for (RowIndex row = 0; row < table.rows.size(); ++row) {
      (fold_of_row[row] == fold ? test : train).push_back(row);
    }
    const std::vector<double> steps = fit(table, train)(table, test);
    for (std::size_t i = 0; i < test.size(); ++i) predicted[test[i]] = steps[i];
  }
  return predicted;
}

std::vector<Group> group_metrics(const MetaTable& table,
                                 std::span<const double> predicted) {
  std::vector<Group> groups;
  const auto add = [&](std::string_view column, auto value_of) {
    add_groups(column, table, predicted, value_of, groups);
  };
  add("", [](const MetaRow&) { return std::string(); });
  add("family", [&](const MetaRow& row) { return table.family(row); });
  add("dataset", [&](const MetaRow& row) { return table.dataset(row); });
  add("learning_rate", [](const MetaRow& row) { return row.learning_rate; });
  add("batch_size", [](const MetaRow& row) { return row.batch_size; });
  add("epsilon", [](const MetaRow& row) { return row.epsilon; });
  return groups;
}

}  // namespace cape
