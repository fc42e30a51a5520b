/// The rows of a meta-dataset in the form that fits need: 152 bytes for each
/// row, with every text stored once.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "predictor/architecture_traits.h"
#include "shard/schema.h"

namespace cape {

/// Texts that repeat. Each is stored once and has a number, counted from 0.
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

/// One measured cell. Logarithms are natural. Values are float, since XGBoost
/// computes with float; NaN is missing.
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
  float chance_loss;  ///< of a network with the same output for all samples
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
  ArchitectureTraits traits;
};

using RowIndex = std::uint32_t;

struct MetaTable {
  std::vector<MetaRow> rows;
  TextPool names;
  TextPool trajectories;
  /// The slope of log(L_t / L_0) over the first steps, by trajectory
  /// (curves.h); NaN, or missing at the end, where there is no curve.
  std::vector<float> curve_slopes;

  void add(const shard::Row& row);
  const std::string& family(const MetaRow& row) const;
  const std::string& architecture(const MetaRow& row) const;
  const std::string& dataset(const MetaRow& row) const;

 private:
  std::unordered_map<std::uint32_t, ArchitectureTraits> traits_;  // by text
};

/// 0, 1, ..., count - 1.
std::vector<RowIndex> all_rows(const MetaTable& table);

/// The number of different trajectories among the rows.
std::size_t count_trajectories(const MetaTable& table,
                               std::span<const RowIndex> rows);

/// The number of rows that did not converge.
std::int64_t count_censored(const MetaTable& table,
                            std::span<const RowIndex> rows);

/// A member that holds a text of a row: &MetaTable::family, for example.
using NameOfRow = const std::string& (MetaTable::*)(const MetaRow&) const;

/// The number of rows with each name.
std::map<std::string, std::int64_t> count_by(const MetaTable& table,
                                             std::span<const RowIndex> rows,
                                             NameOfRow name);

/// The same by family: {family: {name: rows}}.
using RowsByName = std::map<std::string, std::map<std::string, std::int64_t>>;
RowsByName count_in_family(const MetaTable& table,
                           std::span<const RowIndex> rows, NameOfRow name);

}  // namespace cape
