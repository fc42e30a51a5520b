#include "grid/grid.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/hash.h"
#include "core/overloaded.h"
#include "core/random.h"
#include "core/units.h"
#include "datasets/split.h"
#include "grid/cost_model.h"
#include "zoo/sampler.h"

namespace cape::grid {
namespace {

constexpr std::size_t kGroupKeyDigits = 24;
constexpr std::size_t kTrialDigits = 8;
// Draws that stand for the mean of a sampled architecture.
constexpr int kCostDraws = 32;

std::size_t pop(std::size_t& index, std::size_t size) {
  return std::exchange(index, index / size) % size;
}

/// What the key of a group says of its architecture.
nlohmann::json identity(const ModelSpec& model, std::size_t architecture) {
  if (!model.is_sampled()) {
    return zoo::identity(model.architectures[architecture]);
  }
  if (model.diverse) {
    nlohmann::json drawn = {{"family", model.family},
                            {"sample", "diverse"},
                            {"version", zoo::kDiverseVersion}};
    if (model.diverse->style) drawn["style"] = *model.diverse->style;
    if (!model.diverse->dropout.empty()) {
      drawn["dropout"] = model.diverse->dropout;
    }
    const int revision = zoo::revision(zoo::Sequential{});
    if (revision != 0) drawn["revision"] = revision;
    return drawn;
  }
  nlohmann::json sampled = {{"family", model.family}, {"sample", "published"}};
  // A correction of one kind changes the rows of all that may draw it.
  for (const zoo::Architecture& kind : zoo::published_kinds(model.family)) {
    if (const int revision = zoo::revision(kind); revision != 0) {
      const std::string name = zoo::describe(kind).at("kind");
      sampled["revisions"][name] = revision;
    }
  }
  return sampled;
}

/// An architecture as the sampler of `model` draws it.
zoo::Architecture draw_architecture(const ModelSpec& model,
                                    const datasets::DatasetInfo& dataset,
                                    Random& random) {
  const zoo::Head head = trial::head_of(dataset);
  if (model.diverse) {
    return zoo::sample_diverse(*model.diverse, trial::sample_of(dataset), head,
                               random);
  }
  return zoo::sample_published(model.family, dataset.shape, head, random);
}

/// Every optimizer with each of its learning rates.
std::vector<std::pair<trial::Optimizer, AxisPoint<double>>> rates_of(
    const Config& config) {
  std::vector<std::pair<trial::Optimizer, AxisPoint<double>>> rates;
  for (const OptimizerSpec& spec : config.grid.optimizer) {
    const trial::Optimizer optimizer =
        spec.has_weight_decay ? spec.optimizer
                              : trial::with_weight_decay(
                                    spec.optimizer, config.train.weight_decay);
    for (AxisPoint<double>& rate :
         points_of(spec.learning_rate.values.empty() ? config.grid.learning_rate
                                                     : spec.learning_rate)) {
      rates.emplace_back(optimizer, std::move(rate));
    }
  }
  return rates;
}

bool measures_full_training(const Config& config) {
  return config.train.target == trial::FullTraining::kName;
}

std::int64_t validation_size(const Config& config,
                             const datasets::DatasetInfo& dataset) {
  return datasets::validation_size(config.train.validation, dataset.samples);
}

/// The most samples that a full_training can be on.
std::int64_t training_size(const Config& config,
                           const datasets::DatasetInfo& dataset) {
  return dataset.samples - validation_size(config, dataset);
}

/// Where value `i` of an axis is in the configuration.
template <class Number>
std::string place_of(const char* key, const Axis<Number>& axis, std::size_t i) {
  return axis.draw == Draw::none
             ? fmt::format("{}[{}]", key, i)
             : fmt::format("{}.{}[{}]", key, to_string(axis.draw), i);
}

/// Whether data set `d` has the name of an earlier one that is not the same.
bool shares_name(const std::vector<DatasetSpec>& specs, std::size_t d) {
  return std::any_of(
      specs.begin(), specs.begin() + static_cast<std::ptrdiff_t>(d),
      [&](const DatasetSpec& other) {
        return other.name == specs[d].name && other.user != specs[d].user;
      });
}

}  // namespace

Grid::Grid(Config config, std::vector<datasets::DatasetInfo> datasets)
    : config_(std::move(config)),
      datasets_(std::move(datasets)),
      rates_(rates_of(config_)),
      batch_sizes_(points_of(config_.grid.batch_size)),
      samples_(measures_full_training(config_)
                   ? points_of(config_.grid.samples)
                   : std::vector<AxisPoint<std::int64_t>>(1)),
      criteria_(criteria_of(config_)) {
  check();
  const auto& models = config_.grid.models;
  for (std::size_t m = 0; m < models.size(); ++m) {
    const std::size_t count =
        models[m].is_sampled() ? 1 : models[m].architectures.size();
    for (std::size_t a = 0; a < count; ++a) architectures_.emplace_back(m, a);
  }
  const std::size_t groups =
      architectures_.size() * datasets_.size() * rates_.size() *
      batch_sizes_.size() * samples_.size() *
      (config_.train.independent_epsilon ? criteria_.size() : 1);
  order_.resize(groups);
  std::iota(order_.begin(), order_.end(), 0U);
  std::vector<double> flops(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    flops[g] = expected_flops(natural_group(static_cast<std::int64_t>(g)));
  }
  std::stable_sort(order_.begin(), order_.end(),
                   [&](auto a, auto b) { return flops[a] > flops[b]; });
  for (const std::uint32_t natural : order_) flops_.push_back(flops[natural]);
}

std::int64_t Grid::trajectories() const {
  return groups() * config_.grid.trials;
}

std::int64_t Grid::cells() const {
  return trajectories() * std::popcount(all_criteria());
}

trial::CriterionMask Grid::all_criteria() const {
  const std::size_t count =
      config_.train.independent_epsilon ? 1 : criteria_.size();
  return count == trial::kMaxCriteria ? ~trial::CriterionMask{0}
                                      : (trial::CriterionMask{1} << count) - 1;
}

TrialGroup Grid::group(std::int64_t index) const {
  return natural_group(order_.at(static_cast<std::size_t>(index)));
}

TrialGroup Grid::natural_group(std::int64_t index) const {
  auto rest = static_cast<std::size_t>(index);
  TrialGroup group;
  if (config_.train.independent_epsilon) {
    group.criteria = {criteria_[pop(rest, criteria_.size())]};
  } else {
    group.criteria = criteria_;
  }
  const std::size_t samples = pop(rest, samples_.size());
  group.batch_size = batch_sizes_[pop(rest, batch_sizes_.size())];
  std::tie(group.optimizer, group.learning_rate) =
      rates_[pop(rest, rates_.size())];
  group.dataset = pop(rest, datasets_.size());
  group.samples = at_most(samples_[samples],
                          training_size(config_, datasets_[group.dataset]));
  std::tie(group.model, group.architecture) = architectures_[rest];
  return group;
}

std::string Grid::group_key(const TrialGroup& group) const {
  const datasets::DatasetInfo& dataset = datasets_[group.dataset];
  nlohmann::json content = {
      {"protocol", trial::kProtocolVersion},
      {"seed", config_.seed},
      {"architecture",
       identity(config_.grid.models[group.model], group.architecture)},
      {"dataset", dataset.name},
      {"fingerprint", dataset.fingerprint},
      {"train_size", dataset.train_size},
      {"task", to_string(dataset.task)},
      {"learning_rate", identity_of(group.learning_rate)},
      {"batch_size", identity_of(group.batch_size)},
      {"train", trial::identity_of(target(group, group.samples.value))},
      {"probe", to_json(config_.probe)}};
  // What is hashed above is frozen, since the keys of all rows that were ever
  // measured come from it. Settings that came later are left out at their
  // defaults.
  content["train"]["weight_decay"] = trial::weight_decay_of(group.optimizer);
  if (trial::identity_of(group.optimizer) !=
      trial::identity_of(trial::Optimizer{})) {
    content["optimizer"] = trial::identity_of(group.optimizer);
  }
  if (measures_full_training(config_)) {
    content["samples"] = identity_of(group.samples);
  }
  const DatasetSpec& spec = config_.grid.datasets[group.dataset];
  if (spec.sample_variant) {
    content["variant"] = "sample";
  } else if (spec.variant != datasets::Variant{}) {
    content["variant"] = to_json(spec.variant);
  }
  if (config_.train.independent_epsilon) {
    content["independent_epsilon"] = trial::to_json(group.criteria.front());
  }
  return content_hash(content.dump()).substr(0, kGroupKeyDigits);
}

trial::Target Grid::target(const TrialGroup& group,
                           std::int64_t samples) const {
  trial::Target target = target_of(config_.train);
  std::visit(Overloaded{[](trial::BatchSteps&) {},
                        [&](trial::FullTraining& training) {
                          const datasets::DatasetInfo& dataset =
                              datasets_[group.dataset];
                          training.samples = samples;
                          training.validation_samples =
                              validation_size(config_, dataset);
                          training.split_seed =
                              validation_seed(config_, dataset.fingerprint);
                        }},
             target);
  return target;
}

datasets::DatasetInfo Grid::dataset_of(const TrialGroup& group) const {
  return datasets::varied(datasets_[group.dataset],
                          config_.grid.datasets[group.dataset].variant);
}

double Grid::mean_flops(
    const TrialGroup& group,
    const std::function<double(const zoo::Architecture&)>& cost) const {
  const ModelSpec& model = config_.grid.models[group.model];
  if (!model.is_sampled()) {
    return cost(model.architectures[group.architecture]);
  }
  const datasets::DatasetInfo dataset = dataset_of(group);
  Random random(0);
  double sum = 0;
  for (int draw = 0; draw < kCostDraws; ++draw) {
    sum += cost(draw_architecture(model, dataset, random));
  }
  return sum / kCostDraws;
}

double Grid::expected_flops(const TrialGroup& group) const {
  const datasets::DatasetInfo dataset = dataset_of(group);
  const zoo::Head head = trial::head_of(dataset);
  const auto batch = static_cast<double>(group.batch_size.value);
  const auto forward = [&](const zoo::Architecture& architecture) {
    return zoo::forward_flops(architecture, trial::sample_of(dataset), head);
  };
  const auto of_batch_steps = [&](const trial::BatchSteps& settings) {
    double epsilon = 1;
    for (const trial::Criterion& criterion : group.criteria) {
      epsilon = std::min(epsilon, trial::epsilon_of(criterion));
    }
    return mean_flops(group, [&](const zoo::Architecture& architecture) {
      const std::int64_t parameters =
          zoo::parameter_count(architecture, trial::sample_of(dataset), head);
      return trajectory_flops(
          forward(architecture), batch,
          std::min(
              expected_steps(config_.grid.models[group.model].family,
                             static_cast<double>(parameters), group.optimizer,
                             group.learning_rate.value, batch, epsilon),
              static_cast<double>(settings.max_steps)));
    });
  };
  const auto of_full_training = [&](const trial::FullTraining& training) {
    return mean_flops(group, [&](const zoo::Architecture& architecture) {
      return full_training_flops(forward(architecture), batch, training,
                                 expected_epochs(training));
    });
  };
  return std::visit(Overloaded{of_batch_steps, of_full_training},
                    target(group, group.samples.value));
}

double Grid::most_flops(std::int64_t index) const {
  const TrialGroup group = this->group(index / config_.grid.trials);
  const datasets::DatasetInfo dataset = dataset_of(group);
  const auto& sizes = group.samples.drawn.values;
  const std::int64_t most_samples =
      sizes.empty() ? group.samples.value : *std::ranges::max_element(sizes);
  const trial::Target largest = target(group, most_samples);
  return mean_flops(group, [&](const zoo::Architecture& architecture) {
    return grid::most_flops(
        zoo::forward_flops(architecture, trial::sample_of(dataset),
                           trial::head_of(dataset)),
        static_cast<double>(group.batch_size.value), largest);
  });
}

datasets::Variant Grid::variant(const TrialGroup& group,
                                const std::string& trajectory_key) const {
  const DatasetSpec& spec = config_.grid.datasets[group.dataset];
  if (!spec.sample_variant) return spec.variant;
  Random random(seed_of(trajectory_key + "/variant"));
  return datasets::sample_variant(datasets_[group.dataset], random);
}

Trajectory Grid::trajectory(std::int64_t index,
                            trial::CriterionMask mask) const {
  const TrialGroup group = this->group(index / config_.grid.trials);
  const ModelSpec& model = config_.grid.models[group.model];
  Trajectory trajectory{.index = index,
                        .trial = index % config_.grid.trials,
                        .dataset = {},
                        .task = {}};
  trial::TrialTask& task = trajectory.task;
  task.trajectory = trajectory_key(index);
  task.seed = seed_of(task.trajectory);
  const datasets::DatasetInfo& dataset = datasets_[group.dataset];
  task.dataset = {dataset.name, dataset.directory, dataset.fingerprint,
                  variant(group, task.trajectory),
                  config_.grid.datasets[group.dataset].user};
  trajectory.dataset = datasets::varied(dataset, task.dataset.variant);
  if (model.is_sampled()) {
    Random random(seed_of(task.trajectory + "/architecture"));
    task.architecture = draw_architecture(model, trajectory.dataset, random);
  } else {
    task.architecture = model.architectures[group.architecture];
  }
  Random for_rate(seed_of(task.trajectory + "/learning_rate"));
  task.learning_rate = value_at(group.learning_rate, for_rate);
  Random for_batch(seed_of(task.trajectory + "/batch_size"));
  task.batch_size = value_at(group.batch_size, for_batch);
  for (std::size_t c = 0; c < group.criteria.size(); ++c) {
    if (mask >> c & 1) task.criteria.push_back(group.criteria[c]);
  }
  task.optimizer = group.optimizer;
  Random for_samples(seed_of(task.trajectory + "/samples"));
  task.target = target(group, value_at(group.samples, for_samples));
  task.probe = config_.probe;
  return trajectory;
}

std::string Grid::trajectory_key(std::int64_t index) const {
  return fmt::format("{}{:0{}x}", group_key(group(index / config_.grid.trials)),
                     index % config_.grid.trials, kTrialDigits);
}

std::optional<std::int64_t> Grid::find(std::string_view key) const {
  if (key.size() != kGroupKeyDigits + kTrialDigits) return std::nullopt;
  if (by_key_.empty()) {
    for (std::int64_t g = 0; g < groups(); ++g) {
      by_key_.emplace(group_key(group(g)), g);
    }
  }
  const auto found = by_key_.find(std::string(key.substr(0, kGroupKeyDigits)));
  if (found == by_key_.end()) return std::nullopt;
  std::int64_t trial = 0;
  const auto [end, error] = std::from_chars(key.data() + kGroupKeyDigits,
                                            key.data() + key.size(), trial, 16);
  if (error != std::errc{} || end != key.data() + key.size()) {
    return std::nullopt;
  }
  if (trial < 0 || trial >= config_.grid.trials) return std::nullopt;
  return found->second * config_.grid.trials + trial;
}

double Grid::expected_flops(std::int64_t index) const {
  return flops_.at(static_cast<std::size_t>(index / config_.grid.trials));
}

const std::string& Grid::family(std::int64_t index) const {
  return config_.grid.models[group(index / config_.grid.trials).model].family;
}

void Grid::check_networks(std::size_t d,
                          std::vector<std::string>& problems) const {
  const datasets::DatasetInfo& dataset = datasets_[d];
  const auto& models = config_.grid.models;
  for (std::size_t m = 0; m < models.size(); ++m) {
    if (models[m].diverse) {
      const std::vector<zoo::Style> fitting =
          zoo::styles_for(trial::sample_of(dataset), trial::head_of(dataset));
      const std::optional<zoo::Style> style = models[m].diverse->style;
      if (!style || std::ranges::find(fitting, *style) != fitting.end()) {
        continue;
      }
      problems.push_back(fmt::format(
          "{}: no networks of style {} are drawn for the samples of {}, which "
          "are {} (task {})",
          config_.where(fmt::format("grid.models[{}].style", m)),
          to_string(*style), dataset.name, fmt::join(dataset.shape, " x "),
          to_string(dataset.task)));
      continue;
    }
    const std::vector<zoo::Architecture> all =
        models[m].sample_published ? zoo::published_kinds(models[m].family)
                                   : models[m].architectures;
    for (std::size_t a = 0; a < all.size(); ++a) {
      const std::string why = zoo::explain_mismatch(
          all[a], trial::sample_of(dataset), trial::head_of(dataset));
      if (why.empty()) continue;
      const std::string key =
          models[m].sample_published
              ? fmt::format("grid.models[{}].sample", m)
              : fmt::format("grid.models[{}].architectures[{}]", m, a);
      problems.push_back(fmt::format(
          "{}: {}, and the samples of {} are {} (task {}); docs/datasets.md "
          "says which networks take what",
          config_.where(key), why, dataset.name,
          fmt::join(dataset.shape, " x "), to_string(dataset.task)));
    }
  }
}

void Grid::check_batch_sizes(std::vector<std::string>& problems) const {
  const Axis<std::int64_t>& axis = config_.grid.batch_size;
  const Axis<std::int64_t>& samples = config_.grid.samples;
  const bool is_full = measures_full_training(config_);
  for (std::size_t b = 0; b < axis.values.size(); ++b) {
    for (const datasets::DatasetInfo& dataset : datasets_) {
      const std::string place =
          config_.where(place_of("grid.batch_size", axis, b));
      if (axis.values[b] > dataset.samples) {
        problems.push_back(fmt::format(
            "{}: batch size {} is larger than data set {} ({} samples at "
            "hand); use a smaller one",
            place, axis.values[b], dataset.name,
            format_count(dataset.samples)));
      } else if (is_full) {
        const std::int64_t all = training_size(config_, dataset);
        const std::int64_t fewest =
            std::min(*std::ranges::min_element(samples.values), all);
        // check_samples says what is wrong where the data set is that small.
        if (all < 1 || axis.values[b] <= fewest) continue;
        problems.push_back(fmt::format(
            "{}: batch size {} is larger than the {} samples of {} that are "
            "trained on (grid.samples); use a smaller one",
            place, axis.values[b], format_count(fewest), dataset.name));
      }
    }
  }
}

void Grid::check_samples(std::vector<std::string>& problems) const {
  const Axis<std::int64_t>& axis = config_.grid.samples;
  if (!measures_full_training(config_)) {
    if (axis == Axis<std::int64_t>{kAllSamples}) return;
    problems.push_back(fmt::format(
        "{}: only a full_training has a number of samples, and train.target is "
        "{}; remove grid.samples, or set train.target: full_training",
        config_.where("grid.samples"), config_.train.target));
    return;
  }
  for (std::size_t d = 0; d < datasets_.size(); ++d) {
    const datasets::DatasetInfo& dataset = datasets_[d];
    const std::string at = config_.where(fmt::format("grid.datasets[{}]", d));
    const DatasetSpec& spec = config_.grid.datasets[d];
    if (spec.sample_variant || spec.variant != datasets::Variant{}) {
      problems.push_back(fmt::format(
          "{}: variants of data sets are for batch_steps alone; remove the "
          "variant of {}, or set train.target: batch_steps",
          at, dataset.name));
    }
    const std::int64_t validation = validation_size(config_, dataset);
    const std::int64_t most = training_size(config_, dataset);
    if (most < validation) {
      problems.push_back(fmt::format(
          "{}: {} of the {} samples of {} would be for validation "
          "(train.validation, at least {}), and at least as many must be left "
          "to train on; take more data",
          at, validation, format_count(dataset.samples), dataset.name,
          datasets::kFewestValidation));
      continue;
    }
    if (dataset.rarest_class && dataset.rarest_class->samples < 2) {
      problems.push_back(fmt::format(
          "{}: class {} of {} has {} samples, and each class needs 2: one to "
          "train on and one to validate with; leave the class out of the data",
          at, dataset.rarest_class->label, dataset.name,
          dataset.rarest_class->samples));
    }
    const auto lists = [&](std::int64_t value) {
      return axis.draw == Draw::none &&
             std::ranges::find(axis.values, value) != axis.values.end();
    };
    if (lists(kAllSamples) && lists(most)) {
      problems.push_back(fmt::format(
          "{0}: \"all\" means {1} samples of {2}, and {1} is in the list, too; "
          "remove one of the two",
          config_.where("grid.samples"), format_count(most), dataset.name));
    }
    for (std::size_t s = 0; s < axis.values.size(); ++s) {
      // What is drawn between two numbers is drawn below what there is.
      const bool is_cut = axis.values[s] == kAllSamples ||
                          (axis.draw == Draw::log_uniform && s == 1);
      if (is_cut || axis.values[s] <= most) continue;
      problems.push_back(fmt::format(
          "{}: {} samples are more than {} has ({} at hand, {} of them for "
          "validation); at most {}, or all",
          config_.where(place_of("grid.samples", axis, s)),
          format_count(axis.values[s]), dataset.name,
          format_count(dataset.samples), validation, format_count(most)));
    }
    const std::int64_t most_an_epoch =
        most / *std::ranges::min_element(config_.grid.batch_size.values);
    const double steps =
        static_cast<double>(config_.train.full_training.max_epochs) *
        static_cast<double>(most_an_epoch);
    if (steps > std::numeric_limits<std::int32_t>::max()) {
      problems.push_back(fmt::format(
          "{}: {} epochs of {} can be more updates than can be counted "
          "(2^31 - 1); use fewer",
          config_.where("train.max_epochs"),
          config_.train.full_training.max_epochs, dataset.name));
    }
  }
}

void Grid::check() const {
  std::vector<std::string> problems;
  const GridConfig& grid = config_.grid;
  check_batch_sizes(problems);
  check_samples(problems);
  for (std::size_t d = 0; d < grid.datasets.size(); ++d) {
    const std::string at = fmt::format("grid.datasets[{}]", d);
    const std::string problem =
        datasets::problem_of(grid.datasets[d].variant, datasets_[d]);
    if (!problem.empty()) {
      problems.push_back(fmt::format("{}: no such variant: {}",
                                     config_.where(at + ".variant"), problem));
    }
    if (shares_name(grid.datasets, d)) {
      problems.push_back(
          fmt::format("{}: other data have the name {} already; take another",
                      config_.where(at), grid.datasets[d].name));
    }
    check_networks(d, problems);
  }
  if (criteria_.size() > trial::kMaxCriteria) {
    problems.push_back(fmt::format(
        "{}: at most {} {} (found {})", config_.where("grid.epsilon"),
        trial::kMaxCriteria,
        measures_full_training(config_) ? "epsilons and patiences" : "epsilons",
        criteria_.size()));
  }
  if (grid.trials > std::numeric_limits<std::uint32_t>::max()) {
    problems.push_back(fmt::format("{}: at most 2^32 - 1 trials (found {})",
                                   config_.where("grid.trials"), grid.trials));
  }
  for (auto rate = rates_.begin(); rate != rates_.end(); ++rate) {
    if (std::find(rates_.begin(), rate, *rate) == rate) continue;
    problems.push_back(fmt::format(
        "{}: {} with weight decay {} and learning rate {} is listed twice; "
        "remove one of them",
        config_.where("grid.optimizer"), trial::name_of(rate->first),
        trial::weight_decay_of(rate->first), identity_of(rate->second).dump()));
  }
  std::set<std::string> identities;
  for (std::size_t m = 0; m < grid.models.size(); ++m) {
    const ModelSpec& model = grid.models[m];
    const std::size_t count =
        model.is_sampled() ? 1 : model.architectures.size();
    for (std::size_t a = 0; a < count; ++a) {
      if (identities.insert(identity(model, a).dump()).second) continue;
      problems.push_back(fmt::format(
          "{}: the same architecture is listed twice; remove one of them",
          config_.where(
              fmt::format("grid.models[{}].architectures[{}]", m, a))));
    }
  }
  if (!problems.empty()) {
    throw UserError(fmt::format("{}", fmt::join(problems, "\n")));
  }
}

std::string describe(const Trajectory& trajectory) {
  const trial::TrialTask& task = trajectory.task;
  const std::string optimizer = trial::name_of(task.optimizer);
  const std::string samples = std::visit(
      Overloaded{[](const trial::BatchSteps&) { return std::string(); },
                 [](const trial::FullTraining& training) {
                   return fmt::format("{} samples, ", training.samples);
                 }},
      task.target);
  return fmt::format("{} on {}, {}learning rate {}, batch size {}, {}trial {}",
                     zoo::short_name(task.architecture), task.dataset.name,
                     optimizer == trial::AdamW::kName ? "" : optimizer + ", ",
                     task.learning_rate, task.batch_size, samples,
                     trajectory.trial);
}

}  // namespace cape::grid
