/// The rows of a meta-dataset as fitting needs them: 152 bytes a row, texts
/// stored once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shard/schema.h"
#include "zoo/facts.h"

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
/// with; NaN is missing.
struct MetaRow {
  std::uint32_t trajectory;  ///< number in MetaTable::trajectories
  std::uint32_t family;      ///< this and the next four: MetaTable::names
  std::uint32_t architecture;
  std::uint32_t description;  ///< architecture_json
  std::uint32_t dataset;
  std::uint32_t variant;  ///< of the data set
  double learning_rate;
  double epsilon;
  std::int64_t input_size;  ///< numbers of a sample; 0: not known
  std::int32_t batch_size;
  float log_p;
  float log_g2;
  float log_tau;
  float log_n;
  float log_lr;
  float log_b;
  float loss;  ///< L_0 of the probe; where a file has none, of the training
  float chance_loss;  ///< of a network that says the same of all samples
  float log_mean_g2;
  float label_entropy;
  float log_line_1;
  float log_line_2;
  float log_line_4;
  float label_noise;  ///< this and the next three: of the variant
  float input_scale;
  float input_noise;
  std::int32_t lowres;
  std::int32_t classes;  ///< 0: not known
  std::int32_t t_star;
  std::int32_t steps_run;
  bool converged;
  zoo::Facts network;  ///< of the description
};

using RowIndex = std::uint32_t;

struct MetaTable {
  std::vector<MetaRow> rows;
  TextPool names;
  TextPool trajectories;
  /// By trajectory: the slope of log(L_t / L_0) over its first steps, see
  /// curves.h; NaN, or beyond the end, where there is no curve.
  std::vector<float> curve_slopes;

  void add(const shard::Row& row);
  const std::string& family(const MetaRow& row) const;
  const std::string& architecture(const MetaRow& row) const;
  const std::string& dataset(const MetaRow& row) const;

 private:
  std::unordered_map<std::uint32_t, zoo::Facts> facts_;  // by description
};

/// 0, 1, ..., count - 1.
std::vector<RowIndex> all_rows(const MetaTable& table);

/// How many different trajectories the rows are of.
std::size_t count_trajectories(const MetaTable& table,
                               std::span<const RowIndex> rows);

/// How many rows did not converge.
std::int64_t count_censored(const MetaTable& table,
                            std::span<const RowIndex> rows);

/// A text of a row: &MetaTable::family and the like.
using NameOfRow = const std::string& (MetaTable::*)(const MetaRow&) const;

/// How many rows carry each name.
std::map<std::string, std::int64_t> count_by(const MetaTable& table,
                                             std::span<const RowIndex> rows,
                                             NameOfRow name);

/// The same for each family: {family: {name: rows}}.
using RowsByName = std::map<std::string, std::map<std::string, std::int64_t>>;
RowsByName count_in_family(const MetaTable& table,
                           std::span<const RowIndex> rows, NameOfRow name);

}  // namespace cape
