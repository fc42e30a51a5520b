/// The grid as a lazy recipe: which trajectories there are, what each is, and
/// what it should cost. Nothing here grows with the number of trials.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "datasets/dataset.h"
#include "grid/workload.h"

namespace cape::grid {

/// The part of the grid that shares everything but the trial number.
struct TrialGroup {
  std::size_t model = 0;         ///< of GridConfig::models
  std::size_t architecture = 0;  ///< of ModelSpec::architectures, if listed
  std::size_t dataset = 0;
  trial::Optimizer optimizer;  ///< with the weight decay that it has here
  AxisPoint<double> learning_rate;
  AxisPoint<std::int64_t> batch_size;
  /// N of a full_training, at most what the data set has for it.
  AxisPoint<std::int64_t> samples;
  std::vector<trial::Criterion>
      criteria;  ///< one when epsilons are independent
};

class Grid : public Workload {
 public:
  /// `datasets` describes config.grid.datasets, in that order. Throws UserError
  /// with every way in which the two do not fit (a batch larger than its data
  /// set), each with its place in the configuration.
  Grid(Config config, std::vector<datasets::DatasetInfo> datasets);

  const Config& config() const override { return config_; }
  const std::vector<datasets::DatasetInfo>& datasets() const {
    return datasets_;
  }

  /// Groups, trajectories (groups x trials) and cells (x criteria).
  std::int64_t groups() const {
    return static_cast<std::int64_t>(order_.size());
  }
  std::int64_t trajectories() const override;
  std::int64_t group_size() const override { return config_.grid.trials; }
  std::int64_t cells() const;

  /// Group `index` in the order of expected cost, the most expensive first.
  /// Trajectory t belongs to group t / trials.
  TrialGroup group(std::int64_t index) const;

  Trajectory trajectory(std::int64_t index,
                        trial::CriterionMask mask) const override;

  trial::CriterionMask all_criteria() const override;

  /// The trajectory's key: 24 hex digits of the hash of everything that changes
  /// its rows, then 8 of the trial.
  std::string trajectory_key(std::int64_t index) const;

  /// The index of the trajectory that has this key, if this grid has it.
  std::optional<std::int64_t> find(std::string_view trajectory_key) const;

  /// An architecture that is drawn counts with the mean of some draws.
  double expected_flops(std::int64_t index) const override;

  const std::string& family(std::int64_t index) const override;

  /// Operations of the training if it never stops before its cap. Constant
  /// within a group.
  double most_flops(std::int64_t index) const;

 private:
  TrialGroup natural_group(std::int64_t index) const;
  datasets::Variant variant(const TrialGroup& group,
                            const std::string& trajectory_key) const;
  std::string group_key(const TrialGroup& group) const;
  /// What trajectories of the group measure on `samples` samples.
  trial::Target target(const TrialGroup& group, std::int64_t samples) const;
  /// The group's data set as its variant makes it.
  datasets::DatasetInfo dataset_of(const TrialGroup& group) const;
  /// The mean over the networks that the group may draw of what `cost` says of
  /// each, with the batch size and samples that stand for the group's.
  double mean_flops(
      const TrialGroup& group,
      const std::function<double(const zoo::Architecture&)>& cost) const;
  double expected_flops(const TrialGroup& group) const;
  void check() const;
  void check_batch_sizes(std::vector<std::string>& problems) const;
  void check_samples(std::vector<std::string>& problems) const;
  /// Adds why networks of the grid cannot be had for data set `d`.
  void check_networks(std::size_t d, std::vector<std::string>& problems) const;

  Config config_;
  std::vector<datasets::DatasetInfo> datasets_;
  /// All (optimizer, learning rate).
  std::vector<std::pair<trial::Optimizer, AxisPoint<double>>> rates_;
  std::vector<AxisPoint<std::int64_t>> batch_sizes_;
  std::vector<AxisPoint<std::int64_t>> samples_;  ///< one without such an axis
  std::vector<trial::Criterion> criteria_;        ///< all of them
  /// All (model, architecture of it); a sampled model counts once.
  std::vector<std::pair<std::size_t, std::size_t>> architectures_;
  std::vector<std::uint32_t> order_;  ///< by cost -> natural index
  std::vector<double> flops_;         ///< of a trajectory, in that order
  /// Group keys, filled when find is first asked.
  mutable std::unordered_map<std::string, std::int64_t> by_key_;
};

}  // namespace cape::grid
