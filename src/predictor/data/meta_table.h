/// The rows of a meta-dataset in the form that fits need: some 260 bytes for
/// each row, with every text stored once.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "shard/schema.h"
#include "zoo/facts.h"

namespace cape::predictor {

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

/// What the predictor reads of an optimizer's description.
struct OptimizerTraits {
  bool is_adam = false;
  bool is_sgd = false;
  float momentum = 0;  ///< of gradient descent; 0 for others
  bool nesterov = false;
};

/// What the probe says of the network in training mode, of the batch and of the
/// network's tensors: docs/trial_protocol.md. NaN is missing.
struct GeneralFeatures {
  float loss;                      ///< L_0 in training mode, without dropout
  float log_g2;                    ///< of the mean loss
  float log_l1;                    ///< of the mean loss's gradient
  std::array<float, 4> log_steps;  ///< log(L / L_0) after 1, 2, 4, 8 eta
  float log_input_rms;
  float log_effective_rank;
  float neighbour_agreement;
  float constant_inputs;
  float log_weight_layers;
  float log_widest_layer;
  float convolution_share;
  float norm_parameters;
  float recurrent_weights;
  float dropout_rate;
};

/// What is known of a whole training beside what is known of steps on one
/// batch: docs/trial_protocol.md. NaN is missing, as of rows of the other
/// target.
struct TrainingFeatures {
  float log_samples;          ///< N
  float log_steps_per_epoch;  ///< of updates
  float log_patience;
  float agreement_100;  ///< set_agreement_100
  float agreement_400;
  float log_rank_400;
  std::array<float, 5> kernel_training;  ///< at the times 0, 2, ..., 8
  std::array<float, 5> kernel_held_out;
  float min_delta;
};

/// The epochs whose validation losses learning-curve extrapolation may use.
inline constexpr std::size_t kFirstEpochs = 5;

/// How many updates of the optimizer a prediction may use the losses of, fewest
/// first.
inline constexpr std::array<std::size_t, 2> kFirstSteps = {8, 32};

/// Those that there are models for. 8 updates of a whole training say too
/// little, so it has 32 alone.
std::span<const std::size_t> first_steps_of(std::string_view target);

/// L_0, L_1, ... of a training; NaN is missing.
using FirstLosses = std::array<float, kFirstSteps.back() + 1>;

/// One measured cell. Logarithms are natural. Values are float, since XGBoost
/// computes with float; NaN is missing. What is predicted is t_star: optimizer
/// steps until the loss has fallen to epsilon, or of a row of early stopping
/// the best epoch, which the end of the training follows by its patience.
struct MetaRow {
  std::uint32_t trajectory;  ///< number in MetaTable::trajectories
  std::uint32_t family;      ///< this and the next eight: MetaTable::names
  std::uint32_t architecture;
  std::uint32_t description;  ///< architecture_json
  std::uint32_t dataset;
  std::uint32_t variant;    ///< of the data set
  std::uint32_t optimizer;  ///< its name
  std::uint32_t settings;   ///< what else t_star depends on, see settings_of
  std::uint32_t kind;       ///< of the network: zoo::network_kind
  std::uint32_t group;      ///< of the network: zoo::network_group
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
  float initial_loss;  ///< L_0 of the training, dropout included
  float chance_loss;   ///< of a network with the same output for all samples
  float log_mean_g2;
  float label_entropy;
  std::int32_t classes;  ///< 0: not known
  std::int32_t t_star;
  std::int32_t steps_run;  ///< t_star is known to be at least that
  std::int32_t max_steps;  ///< the cap on t_star, and so on its prediction
  std::int32_t probe_version;
  bool converged;
  bool counts_epochs;  ///< a row of early stopping
  zoo::Facts network;  ///< of the description
  GeneralFeatures general;
  TrainingFeatures training;
  OptimizerTraits optimizer_traits;
  FirstLosses first_losses;  ///< as far as there is a curve
  /// Of early stopping, after the first epochs; missing where there is none.
  std::array<float, kFirstEpochs> first_validation;
};

/// What a training depends on beside its network, data, optimizer, learning
/// rate, batch and criterion, for people: "target=batch_steps
/// weight_decay=0.0001 max_steps=5000 ...". Each of these words picks rows when
/// it is given to --where.
std::string settings_of(const shard::Row& row);

/// Whether the row is one of early stopping.
bool counts_epochs(const shard::Row& row);

/// Whether the row is one of a training on a whole data set.
bool is_whole_training(const MetaRow& row);

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
  const std::string& optimizer(const MetaRow& row) const;
  const std::string& settings(const MetaRow& row) const;
  const std::string& kind(const MetaRow& row) const;

 private:
  std::uint32_t settings_id(const shard::Row& row);

  struct KnownNetwork {
    zoo::Facts facts;
    std::uint32_t kind;
    std::uint32_t group;
    double dropout_rate;  ///< as the description says
  };
  std::unordered_map<std::uint32_t, KnownNetwork> networks_;  // by description
  struct KnownOptimizer {
    std::uint32_t name;
    OptimizerTraits traits;
  };
  std::unordered_map<std::string_view, KnownOptimizer> optimizers_;  // by JSON
  shard::Row last_;  // its settings are last_settings_
  std::optional<std::uint32_t> last_settings_;
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

}  // namespace cape::predictor
