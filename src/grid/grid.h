/// The grid as a lazy recipe: which trajectories there are, what each is, and
/// what it should cost. Nothing here grows with the number of trials.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datasets/dataset.h"
#include "grid/config.h"
#include "trial/task.h"

namespace cape {

/// Which of a trajectory's epsilons, as bits.
using EpsilonMask = std::uint64_t;
inline constexpr std::size_t kMaxEpsilons = 64;

/// The part of the grid that shares everything but the trial number.
struct Group {
  std::size_t model = 0;         ///< of GridConfig::models
  std::size_t architecture = 0;  ///< of ModelSpec::architectures, if listed
  std::size_t dataset = 0;
  double learning_rate = 0;
  std::int64_t batch_size = 0;
  std::vector<double> epsilons;  ///< one when they are independent
};

/// One training run and what is still wanted of it.
struct Trajectory {
  std::int64_t index = 0;  ///< in the grid's order
  std::int64_t trial = 0;
  datasets::DatasetInfo dataset;  ///< of the task's variant
  TrialTask task;
};

class Grid {
 public:
  /// `datasets` describes config.grid.datasets, in that order. Throws UserError
  /// with every way in which the two do not fit (a batch larger than its data
  /// set), each with its place in the configuration.
  Grid(Config config, std::vector<datasets::DatasetInfo> datasets);

  const Config& config() const { return config_; }
  const std::vector<datasets::DatasetInfo>& datasets() const {
    return datasets_;
  }

  /// Groups, trajectories (groups x trials) and cells (x epsilons).
  std::int64_t groups() const {
    return static_cast<std::int64_t>(order_.size());
  }
  std::int64_t trajectories() const;
  std::int64_t cells() const;

  /// Group `index` in the order of expected cost, the dearest first.
  /// Trajectory t belongs to group t / trials.
  Group group(std::int64_t index) const;

  /// Pure: the same on every rank, whatever ran before. Its task asks for the
  /// epsilons of `mask`.
  Trajectory trajectory(std::int64_t index, EpsilonMask mask) const;

  /// All epsilons of a trajectory of this grid.
  EpsilonMask all_epsilons() const;

  /// The trajectory's key: 24 hex digits of the hash of everything that changes
  /// its rows, then 8 of the trial.
  std::string trajectory_key(std::int64_t index) const;

  /// The index of the trajectory that has this key, if this grid has it.
  std::optional<std::int64_t> find(std::string_view trajectory_key) const;

  /// Floating-point operations that trajectory `index` should take. Constant
  /// within a group: an architecture that is drawn counts with its mean.
  double expected_flops(std::int64_t index) const;

  /// What trajectory `index` costs is learnt apart for each of these.
  const std::string& family(std::int64_t index) const;

 private:
  Group natural_group(std::int64_t index) const;
  datasets::Variant variant(const Group& group,
                            const std::string& trajectory_key) const;
  std::string group_key(const Group& group) const;
  double group_flops(const Group& group) const;
  void check() const;
  /// Adds why networks of the grid cannot be had for data set `d`.
  void check_networks(std::size_t d, std::vector<std::string>& problems) const;

  Config config_;
  std::vector<datasets::DatasetInfo> datasets_;
  /// All (model, architecture of it); a sampled model counts once.
  std::vector<std::pair<std::size_t, std::size_t>> architectures_;
  std::vector<std::uint32_t> order_;  ///< by cost -> natural index
  std::vector<double> flops_;         ///< of a trajectory, in that order
  /// Group keys, filled when find is first asked.
  mutable std::unordered_map<std::string, std::int64_t> by_key_;
};

/// "mlp_2x64 on mnist, learning rate 0.001, batch size 32, trial 0"
std::string describe(const Trajectory& trajectory);

/// The key of one cell: the hash of its trajectory's key and its epsilon.
std::string cell_key(std::string_view trajectory_key, double epsilon);

}  // namespace cape
