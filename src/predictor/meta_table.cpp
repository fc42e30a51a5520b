#include "predictor/meta_table.h"

#include <algorithm>
#include <map>
#include <numeric>

namespace cape {

std::uint32_t TextPool::id(std::string_view text) {
  const auto found = ids_.find(text);
  if (found != ids_.end()) return found->second;
  const auto number = static_cast<std::uint32_t>(texts_.size());
  const auto added = ids_.emplace(std::string(text), number).first;
  texts_.push_back(&added->first);
  return number;
}

void MetaTable::add(const shard::Row& row) {
  const auto narrow = [](double value) { return static_cast<float>(value); };
  rows.push_back({.trajectory = trajectories.id(row.trajectory.view()),
                  .family = names.id(row.family.view()),
                  .architecture = names.id(row.architecture.view()),
                  .dataset = names.id(row.dataset.view()),
                  .learning_rate = row.learning_rate,
                  .epsilon = row.epsilon,
                  .batch_size = row.batch_size,
                  .log_p = narrow(row.log_p),
                  .log_g2 = narrow(row.log_g2),
                  .log_tau = narrow(row.log_tau),
                  .log_n = narrow(row.log_n),
                  .log_lr = narrow(row.log_lr),
                  .log_b = narrow(row.log_b),
                  .t_star = row.t_star,
                  .converged = row.converged});
}

const std::string& MetaTable::family(const MetaRow& row) const {
  return names.text(row.family);
}

const std::string& MetaTable::architecture(const MetaRow& row) const {
  return names.text(row.architecture);
}

const std::string& MetaTable::dataset(const MetaRow& row) const {
  return names.text(row.dataset);
}

std::vector<RowIndex> all_rows(const MetaTable& table) {
  std::vector<RowIndex> rows(table.rows.size());
  std::iota(rows.begin(), rows.end(), RowIndex{0});
  return rows;
}

std::size_t count_trajectories(const MetaTable& table) {
  // Not the size of the pool: rows may have been taken out of the table.
  std::vector<bool> seen(table.trajectories.size());
  for (const MetaRow& row : table.rows) seen[row.trajectory] = true;
  return static_cast<std::size_t>(std::ranges::count(seen, true));
}

std::int64_t count_censored(const MetaTable& table) {
  return std::ranges::count(table.rows, false, &MetaRow::converged);
}

std::vector<std::pair<std::string, std::int64_t>> count_by(
    const MetaTable& table,
    const std::string& (MetaTable::*name)(const MetaRow&) const) {
  std::map<std::string, std::int64_t> counts;
  for (const MetaRow& row : table.rows) ++counts[(table.*name)(row)];
  return {counts.begin(), counts.end()};
}

}  // namespace cape
