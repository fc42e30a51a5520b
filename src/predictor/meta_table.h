/// The rows of a meta-dataset as fitting needs them: 88 bytes a row, texts
/// stored once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shard/schema.h"

namespace cape {

/// Repeated texts, each stored once and known by a number counted from 0.
class TextPool {
 public:
  TextPool() = default;
  TextPool(TextPool&&) = default;
  TextPool& operator=(TextPool&&) = default;

  std::uint32_t id(std::string_view text);
  const std::string& text(std::uint32_t id) const { return *texts_[id]; }
  std::size_t size() const { return texts_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> texts_;  // the keys of ids_
};

/// One measured cell. Logarithms are natural; float is what XGBoost computes
/// with.
struct MetaRow {
  std::uint32_t trajectory;  ///< number in MetaTable::trajectories
  std::uint32_t family;      ///< this and the next two: MetaTable::names
  std::uint32_t architecture;
  std::uint32_t dataset;
  double learning_rate;
  double epsilon;
  std::int32_t batch_size;
  float log_p;
  float log_g2;
  float log_tau;
  float log_n;
  float log_lr;
  float log_b;
  std::int32_t t_star;
  bool converged;
};

using RowIndex = std::uint32_t;

struct MetaTable {
  std::vector<MetaRow> rows;
  TextPool names;
  TextPool trajectories;

  void add(const shard::Row& row);
  const std::string& family(const MetaRow& row) const;
  const std::string& architecture(const MetaRow& row) const;
  const std::string& dataset(const MetaRow& row) const;
};

/// 0, 1, ..., count - 1.
std::vector<RowIndex> all_rows(const MetaTable& table);

/// How many different trajectories the rows are of.
std::size_t count_trajectories(const MetaTable& table);

/// How many rows did not converge.
std::int64_t count_censored(const MetaTable& table);

/// How many rows carry each name, sorted by name. `name` is a text of a row:
/// &MetaTable::family and the like.
std::vector<std::pair<std::string, std::int64_t>> count_by(
    const MetaTable& table,
    const std::string& (MetaTable::*name)(const MetaRow&) const);

}  // namespace cape
