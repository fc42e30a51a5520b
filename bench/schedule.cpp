// A run on ten thousand trainers without any: this very coordinator and
// scheduler in simulated time, with the costs of measured trainings, beside
// static splitting of the same work. And how many leases a second the
// coordinator serves.
//
//   bench_schedule [--trainers N] [--per-rank N] [--trajectories N]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <queue>
#include <string>
#include <vector>

#include "coordinator/coordinator.h"
#include "core/random.h"
#include "grid/grid.h"

namespace cape::bench {
namespace {

using Clock = std::chrono::steady_clock;

/// How fast a trainer is (docs/performance.md), and what a trajectory took over
/// what the cost model expects of its group: 17 quantiles of the published
/// trainings to their smallest epsilon, mean 1.
struct FamilyCost {
  const char* name;
  double gflops;
  std::array<double, 17> over_expected;
};
constexpr FamilyCost kCosts[] = {
    {"mlp",
     69,
     {0.293, 0.461, 0.527, 0.583, 0.631, 0.706, 0.781, 0.83, 0.885, 0.945, 1.03,
      1.13, 1.25, 1.38, 1.56, 1.86, 2.95}},
    {"cnn",
     117,
     {0.052, 0.12, 0.192, 0.357, 0.448, 0.532, 0.641, 0.836, 0.954, 1.07, 1.16,
      1.26, 1.34, 1.46, 1.6, 2.02, 5.42}},
    {"rnn",
     157,
     {0.0479, 0.106, 0.139, 0.163, 0.224, 0.302, 0.35, 0.401, 0.466, 0.633,
      0.778, 0.963, 1.13, 1.57, 2.16, 3.44, 9.82}},
    {"transformer",
     110,
     {0.225, 0.333, 0.384, 0.421, 0.454, 0.497, 0.547, 0.598, 0.648, 0.712,
      0.83, 1.35, 1.59, 1.78, 1.98, 2.25, 4.3}},
};

// From a worker to the coordinator or back: a turn of the receiver's loop.
constexpr double kDelay = 0.01;

datasets::DatasetInfo dataset(const std::string& name,
                              std::vector<std::int64_t> shape) {
  return {.name = name,
          .shape = std::move(shape),
          .classes = 10,
          .samples = 50000,
          .train_size = 50000,
          .fingerprint = name,
          .directory = "/nowhere"};
}

/// The published experiments in one grid.
grid::Grid published_grid(std::int64_t trajectories) {
  grid::Config config;
  config.name = "published";
  for (const FamilyCost& cost : kCosts) {
    config.grid.models.push_back(
        {.family = cost.name, .sample_published = true, .architectures = {}});
  }
  config.grid.datasets = {{"mnist"}, {"fashion_mnist"}, {"cifar10"}};
  config.grid.learning_rate = {5e-4, 1e-3, 2e-3};
  config.grid.batch_size = {32, 64, 128};
  config.grid.epsilon = {0.1, 0.15, 0.2};
  const std::int64_t groups = std::ssize(kCosts) * 3 * 3 * 3;
  config.grid.trials = std::max<std::int64_t>(trajectories / groups, 1);
  return grid::Grid(config, {dataset("mnist", {1, 28, 28}),
                             dataset("fashion_mnist", {1, 28, 28}),
                             dataset("cifar10", {3, 32, 32})});
}

/// Seconds of every trajectory, the same whoever runs it.
std::vector<double> draw_costs(const grid::Grid& grid) {
  std::vector<double> seconds;
  Random random(1);
  for (std::int64_t i = 0; i < grid.trajectories(); ++i) {
    const FamilyCost& cost = *std::find_if(
        std::begin(kCosts), std::end(kCosts),
        [&](const FamilyCost& c) { return c.name == grid.family(i); });
    const double at = 16 * random.uniform();
    const auto k = std::min(static_cast<std::size_t>(at), std::size_t{15});
    const double low = cost.over_expected[k], high = cost.over_expected[k + 1];
    const double part = at - static_cast<double>(k);
    const double over = low * std::pow(high / low, part);
    seconds.push_back(grid.expected_flops(i) / (cost.gflops * 1e9) * over);
  }
  return seconds;
}

/// A rank's worker, as far as the coordinator notices.
struct Rank {
  std::deque<messaging::WorkItem> queue;
  std::int64_t idle = 0;
  bool asked = false;
};

struct Event {
  double time;
  int rank;
  std::int64_t index;  ///< of the trajectory that ends; -1: mail for the rank
  bool operator>(const Event& other) const { return time > other.time; }
};

class Simulation {
 public:
  Simulation(const grid::Grid& grid, const std::vector<double>& costs,
             int ranks, std::int64_t per_rank)
      : grid_(grid),
        costs_(costs),
        per_rank_(per_rank),
        mail_(messaging::connect_in_process(ranks)),
        coordinator_(grid, *mail_[0], {}),
        ranks_(static_cast<std::size_t>(ranks)) {
    for (int rank = 0; rank < ranks; ++rank) {
      coordinator_.set_slots(rank, per_rank);
      ranks_[static_cast<std::size_t>(rank)].idle = per_rank;
    }
  }

  /// Returns the makespan.
  double run() {
    for (int rank = 0; rank < std::ssize(ranks_); ++rank) start(rank);
    while (!events_.empty()) {
      const Event event = events_.top();
      events_.pop();
      now_ = event.time;
      if (event.index < 0) {
        take_mail(event.rank);
      } else {
        end(event.rank, event.index);
      }
      start(event.rank);
    }
    return makespan_;
  }

  double busy_seconds() const { return busy_; }
  std::int64_t messages() const { return messages_; }

 private:
  void end(int rank, std::int64_t index) {
    makespan_ = now_;
    ++ranks_[static_cast<std::size_t>(rank)].idle;
    tell(rank, messaging::kTagOutcomes,
         messaging::pack_one(messaging::Outcome{
             index, costs_[static_cast<std::size_t>(index)],
             messaging::Verdict::measured, 3, grid_.all_criteria()}));
  }

  void start(int rank) {
    Rank& self = ranks_[static_cast<std::size_t>(rank)];
    while (self.idle > 0 && !self.queue.empty()) {
      const std::int64_t index = self.queue.front().index;
      self.queue.pop_front();
      --self.idle;
      events_.push(
          {now_ + costs_[static_cast<std::size_t>(index)], rank, index});
    }
    if (self.asked || std::ssize(self.queue) >= per_rank_) return;
    self.asked = true;
    tell(rank, messaging::kTagRequest,
         messaging::pack_one(
             messaging::Request{static_cast<std::int32_t>(per_rank_)}));
  }

  void tell(int rank, int tag, const std::string& body) {
    const Clock::time_point begin = Clock::now();
    coordinator_.handle({rank, tag, body});
    busy_ += std::chrono::duration<double>(Clock::now() - begin).count();
    ++messages_;
    // A rank that waits may have been served now.
    if (tag == messaging::kTagRequest)
      events_.push({now_ + 2 * kDelay, rank, -1});
  }

  void take_mail(int rank) {
    Rank& self = ranks_[static_cast<std::size_t>(rank)];
    while (const auto message =
               mail_[static_cast<std::size_t>(rank)]->receive()) {
      if (message->tag != messaging::kTagLease) continue;
      self.asked = false;
      for (const messaging::WorkItem& item :
           messaging::unpack<messaging::WorkItem>(message->body)) {
        self.queue.push_back(item);
      }
    }
  }

  const grid::Grid& grid_;
  const std::vector<double>& costs_;
  std::int64_t per_rank_;
  std::vector<std::unique_ptr<messaging::Communicator>> mail_;
  coordinator::Coordinator coordinator_;
  std::vector<Rank> ranks_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  double now_ = 0;
  double makespan_ = 0;
  double busy_ = 0;
  std::int64_t messages_ = 0;
};

/// The makespan when every trainer runs a part of its own: --shard I/N.
double split_statically(const std::vector<double>& costs,
                        std::int64_t trainers) {
  std::vector<double> parts(static_cast<std::size_t>(trainers));
  for (std::size_t i = 0; i < costs.size(); ++i) {
    parts[i % parts.size()] += costs[i];
  }
  return *std::max_element(parts.begin(), parts.end());
}

/// Leases of one trajectory a second, outcomes counted, to a thousand ranks.
double leases_per_second(const grid::Grid& grid) {
  constexpr int kRanks = 1000;
  const auto mail = messaging::connect_in_process(kRanks + 1);
  coordinator::Coordinator coordinator(grid, *mail[0], {});
  // So many trainers elsewhere that no lease is longer.
  coordinator.set_slots(0, std::int64_t{1} << 40);
  const auto leases = std::min<std::int64_t>(grid.trajectories(), 500000);
  const Clock::time_point begin = Clock::now();
  for (std::int64_t i = 0; i < leases; ++i) {
    messaging::Communicator& rank =
        *mail[static_cast<std::size_t>(1 + i % kRanks)];
    rank.send(0, messaging::kTagRequest,
              messaging::pack_one(messaging::Request{1}));
    coordinator.handle(mail[0]->receive().value());
    coordinator.tick();
    const auto items =
        messaging::unpack<messaging::WorkItem>(rank.receive().value().body);
    if (items.size() != 1) fail("a lease of {} trajectories", items.size());
    rank.send(0, messaging::kTagOutcomes,
              messaging::pack_one(messaging::Outcome{
                  items[0].index, 1, messaging::Verdict::measured, 3,
                  items[0].mask}));
    coordinator.handle(mail[0]->receive().value());
  }
  return static_cast<double>(leases) /
         std::chrono::duration<double>(Clock::now() - begin).count();
}

void simulate(std::int64_t trainers, std::int64_t per_rank,
              std::int64_t trajectories) {
  const grid::Grid grid = published_grid(trajectories);
  const std::vector<double> costs = draw_costs(grid);
  double total = 0;
  for (const double seconds : costs) total += seconds;
  const double longest = *std::max_element(costs.begin(), costs.end());
  const double bound = std::max(total / static_cast<double>(trainers), longest);
  const double fixed = split_statically(costs, trainers);
  Simulation farm(grid, costs, static_cast<int>(trainers / per_rank), per_rank);
  const double makespan = farm.run();
  fmt::print("{} trajectories on {} trainers, {} a rank\n", costs.size(),
             trainers, per_rank);
  fmt::print("bound      {:8.1f} s  (the longest trajectory {:.1f} s)\n", bound,
             longest);
  fmt::print("farm       {:8.1f} s  {:.3f} of the bound\n", makespan,
             makespan / bound);
  fmt::print("static     {:8.1f} s  {:.3f} of the bound\n", fixed,
             fixed / bound);
  fmt::print("coordinator busy {:.2f} % of the farm's time, {} messages\n",
             100 * farm.busy_seconds() / makespan, farm.messages());
  fmt::print("leases     {:8.0f} a second, outcomes counted\n",
             leases_per_second(grid));
}

}  // namespace
}  // namespace cape::bench

int main(int argc, char** argv) {
  CLI::App app("Simulates a large farm.");
  std::int64_t trainers = 10000, per_rank = 16, trajectories = 1000000;
  app.add_option("--trainers", trainers)->check(CLI::PositiveNumber);
  app.add_option("--per-rank", per_rank)->check(CLI::PositiveNumber);
  app.add_option("--trajectories", trajectories)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  cape::bench::simulate(trainers, per_rank, trajectories);
  return 0;
}
