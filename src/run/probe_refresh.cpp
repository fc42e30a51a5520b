#include "run/probe_refresh.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "grid/cost_model.h"
#include "shard/reader.h"
#include "trainer_client/rows.h"

namespace cape::run {
namespace {

bool is_of_part(const shard::Row& row, grid::Part part) {
  const auto count = static_cast<std::uint64_t>(part.count);
  return seed_of(row.trajectory.str()) % count ==
         static_cast<std::uint64_t>(part.index);
}

/// The last version of the probe that changed something for such a row: 3 added
/// features of whole trainings, 4 the rate of dropout, which the descriptions
/// of all networks but those in files say.
int current_probe(const shard::Row& row) {
  static_assert(trial::kProbeVersion == 4);
  if (row.family.view() == zoo::family(zoo::TorchScript())) return 4;
  return row.target.view() == trial::FullTraining::kName ? 3 : 2;
}

bool is_close(double a, double b) {
  return std::abs(a - b) <= ProbeRefresh::kLossTolerance * std::abs(b);
}

/// Whether the row's batch was drawn from these data. A network whose outputs
/// are nearly the same for all samples has the same L_0 on other data, so that
/// L_0 alone does not tell. Rows of schema 1 do not know their classes.
bool is_of(const shard::Row& row, const datasets::DatasetInfo& dataset) {
  return row.samples_available == dataset.samples &&
         (row.classes == 0 || row.classes == dataset.classes) &&
         row.task.view() == to_string(dataset.task);
}

}  // namespace

ProbeRefresh::ProbeRefresh(grid::Config config,
                           std::vector<datasets::DatasetInfo> datasets,
                           std::vector<std::filesystem::path> shards,
                           grid::Part part)
    : config_(std::move(config)),
      datasets_(std::move(datasets)),
      shards_(std::move(shards)) {
  std::map<std::string, StoredRow> by_key;
  read_rows(part, by_key);
  std::map<std::string, std::vector<StoredRow>> by_trajectory;
  for (auto& [key, stored] : by_key) {
    if (stored.row.probe_version >= current_probe(stored.row)) continue;
    by_trajectory[stored.row.trajectory.str()].push_back(stored);
  }
  for (auto& [key, rows] : by_trajectory) {
    std::optional<grid::Trajectory> trajectory =
        describe_rows(rows.front().row);
    if (!trajectory) {
      left_.other_networks += std::ssize(rows);
      continue;
    }
    if (!is_of(rows.front().row, trajectory->dataset)) {
      left_.other_datasets += std::ssize(rows);
      continue;
    }
    const trial::TrialTask& task = trajectory->task;
    const double flops = grid::trajectory_flops(
        zoo::forward_flops(task.architecture,
                           trial::sample_of(trajectory->dataset),
                           trial::head_of(trajectory->dataset)),
        static_cast<double>(task.batch_size), 0);
    rows_ += std::ssize(rows);
    items_.push_back({std::move(rows), *std::move(trajectory), flops});
  }
  std::ranges::stable_sort(items_, std::greater{}, &Item::flops);
  for (std::size_t i = 0; i < items_.size(); ++i) {
    items_[i].trajectory.index = static_cast<std::int64_t>(i);
    families_.push_back(zoo::family(items_[i].trajectory.task.architecture));
  }
}

/// The row of each key that has the newest probe, of the data sets that there
/// are.
void ProbeRefresh::read_rows(grid::Part part,
                             std::map<std::string, StoredRow>& by_key) {
  for (std::size_t s = 0; s < shards_.size(); ++s) {
    std::vector<shard::Row> rows;
    try {
      shard::for_each_row(shards_[s], [&](const shard::Row& row) {
        if (is_of_part(row, part)) rows.push_back(row);
      });
    } catch (const UserError& error) {
      left_.unreadable.emplace_back(error.what());
      continue;
    }
    for (const shard::Row& row : rows) {
      const bool has_data =
          std::ranges::any_of(datasets_, [&](const auto& dataset) {
            return dataset.name == row.dataset.view();
          });
      if (!has_data) {
        if (row.probe_version < current_probe(row)) ++left_.other_datasets;
        continue;
      }
      const auto [place, is_new] =
          by_key.try_emplace(row.key.str(), StoredRow{row, s});
      if (!is_new && place->second.row.probe_version < row.probe_version) {
        place->second = {row, s};
      }
    }
  }
}

/// From the description in a row. A TorchScript network comes from the file
/// with the same content that the configuration names.
zoo::Architecture ProbeRefresh::architecture_of(const shard::Row& row) const {
  zoo::Architecture described = zoo::architecture_from(
      nlohmann::json::parse(row.architecture_json.str()));
  const auto* const script = std::get_if<zoo::TorchScript>(&described);
  if (script == nullptr) return described;
  for (const grid::ModelSpec& model : config_.grid.models) {
    for (const zoo::Architecture& named : model.architectures) {
      const auto* const file = std::get_if<zoo::TorchScript>(&named);
      if (file != nullptr && file->fingerprint == script->fingerprint) {
        return named;
      }
    }
  }
  fail("the configuration does not name the file of {}",
       row.architecture.view());
}

/// What the probe depends on of a target: which samples there are.
trial::Target ProbeRefresh::target_of(
    const shard::Row& row, const datasets::DatasetInfo& dataset) const {
  static_assert(std::variant_size_v<trial::Target> == 2);
  if (row.target.view() != trial::FullTraining::kName) return {};
  return trial::FullTraining{
      .max_epochs = row.max_epochs,
      .patience = row.patience,
      .min_delta = row.min_delta,
      .validation_samples = row.validation_samples,
      .samples = row.samples,
      .split_seed = grid::validation_seed(config_, dataset.fingerprint)};
}

/// The trajectory that a row is of; nothing where it cannot be repeated here.
std::optional<grid::Trajectory> ProbeRefresh::describe_rows(
    const shard::Row& row) {
  const auto found = std::ranges::find(datasets_, row.dataset.view(),
                                       &datasets::DatasetInfo::name);
  const auto spec = std::ranges::find(config_.grid.datasets, found->name,
                                      &grid::DatasetSpec::name);
  try {
    grid::Trajectory trajectory{
        .index = 0, .trial = row.trial, .dataset = {}, .task = {}};
    trial::TrialTask& task = trajectory.task;
    task.trajectory = row.trajectory.str();
    task.architecture = architecture_of(row);
    task.dataset = {
        found->name, found->directory, found->fingerprint, {}, spec->user};
    if (!row.variant.view().empty()) {
      task.dataset.variant =
          datasets::variant_from(nlohmann::json::parse(row.variant.str()));
    }
    trajectory.dataset = datasets::varied(*found, task.dataset.variant);
    task.learning_rate = row.learning_rate;
    task.batch_size = row.batch_size;
    task.optimizer = trial::with_weight_decay(
        trial::optimizer_from(nlohmann::json::parse(row.optimizer_json.str())),
        row.weight_decay);
    task.seed = row.seed;
    task.target = target_of(row, *found);
    task.probe.extended = true;
    task.timed_steps = 0;
    const bool fits =
        row.revision == zoo::revision(task.architecture) &&
        row.batch_size <= found->samples &&
        row.samples + row.validation_samples <= found->samples &&
        (row.samples == 0 || row.batch_size <= row.samples) &&
        datasets::problem_of(task.dataset.variant, *found).empty() &&
        zoo::explain_mismatch(task.architecture,
                              trial::sample_of(trajectory.dataset),
                              trial::head_of(trajectory.dataset))
            .empty();
    return fits ? std::optional(std::move(trajectory)) : std::nullopt;
  } catch (const Error&) {  // of a newer program, or a file that is not named
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

grid::Trajectory ProbeRefresh::trajectory(std::int64_t index,
                                          trial::CriterionMask /*mask*/) const {
  return items_.at(static_cast<std::size_t>(index)).trajectory;
}

double ProbeRefresh::expected_flops(std::int64_t index) const {
  return items_.at(static_cast<std::size_t>(index)).flops;
}

const std::string& ProbeRefresh::family(std::int64_t index) const {
  return families_.at(static_cast<std::size_t>(index));
}

double ProbeRefresh::probe_seconds(std::int64_t index) const {
  const Item& item = items_.at(static_cast<std::size_t>(index));
  const double seconds = item.rows.front().row.probe_seconds;
  return std::isfinite(seconds) ? seconds : 0;
}

std::vector<worker::Publication> ProbeRefresh::publications(
    const grid::Trajectory& trajectory,
    const trial::TrialResult& result) const {
  const Item& item = items_.at(static_cast<std::size_t>(trajectory.index));
  // Rows of one trajectory can be of several runs, each with its own curve.
  std::map<std::pair<std::size_t, std::int64_t>, worker::Publication> by_curve;
  for (const StoredRow& stored : item.rows) {
    if (!is_close(result.initial_loss, stored.row.initial_loss)) return {};
    worker::Publication& publication =
        by_curve[{stored.shard, stored.row.curve_offset}];
    shard::Row row = stored.row;
    trainer_client::add_probe(result, row);
    publication.rows.push_back(row);
  }
  std::vector<worker::Publication> publications;
  for (auto& [place, publication] : by_curve) {
    const shard::Row& row = publication.rows.front();
    const std::filesystem::path& shard = shards_[place.first];
    if (row.curve_length > 0) {
      publication.curves.training =
          shard::read_curve(shard, row.curve_offset, row.curve_length);
    }
    if (row.validation_length > 0) {
      publication.curves.validation = shard::read_curve(
          shard, row.validation_offset, row.validation_length);
    }
    publications.push_back(std::move(publication));
  }
  return publications;
}

}  // namespace cape::run
