/// A farm without trainers, files or time: a coordinator and a worker per rank,
/// which do in turns what theirs do in loops.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/coordinator.h"
#include "core/random.h"
#include "grid/grid.h"

namespace cape::coordinator {

/// Keeps the protocol of a worker; its trainers take a random number of turns.
class SimulatedWorker {
 public:
  using Judge = std::function<messaging::Verdict(const messaging::WorkItem&)>;

  SimulatedWorker(messaging::Communicator& communicator, std::size_t slots,
                  Random& random, Judge judge)
      : communicator_(communicator),
        random_(random),
        judge_(std::move(judge)),
        slots_(slots) {}

  void handle(const messaging::Message& message) {
    if (message.tag == messaging::kTagEnd) {
      const auto ending =
          messaging::unpack_one<messaging::Ending>(message.body);
      queue_.clear();
      if (ending == messaging::Ending::stop) slots_.assign(slots_.size(), {});
      ended_ = true;
      return;
    }
    asked_ = false;
    const auto items = messaging::unpack<messaging::WorkItem>(message.body);
    if (!ended_) queue_.insert(queue_.end(), items.begin(), items.end());
  }

  void turn() {
    if (published_) return;
    bool busy = false;
    for (Slot& slot : slots_) {
      if (slot.item && --slot.turns == 0) report(*std::exchange(slot.item, {}));
      if (!slot.item) start_next(slot);
      busy = busy || slot.item;
    }
    if (ended_ && !busy) {
      communicator_.send(0, messaging::kTagPublished, "");
      published_ = true;
    }
    if (!ended_ && !asked_ && queue_.size() < slots_.size()) {
      const auto slots = static_cast<std::int32_t>(slots_.size());
      communicator_.send(0, messaging::kTagRequest,
                         messaging::pack_one(messaging::Request{slots}));
      asked_ = true;
    }
  }

  bool published() const { return published_; }

  /// Everything measured, once for each time.
  const std::vector<messaging::WorkItem>& measured() const { return measured_; }

 private:
  struct Slot {
    std::optional<messaging::WorkItem> item;
    std::int64_t turns = 0;
  };

  void start_next(Slot& slot) {
    if (queue_.empty()) return;
    slot = {queue_.front(), 1 + random_.below(20)};
    queue_.pop_front();
  }

  void report(const messaging::WorkItem& item) {
    const messaging::Verdict verdict = judge_(item);
    if (verdict == messaging::Verdict::measured) measured_.push_back(item);
    communicator_.send(
        0, messaging::kTagOutcomes,
        messaging::pack_one(messaging::Outcome{.index = item.index,
                                               .seconds = 1,
                                               .verdict = verdict,
                                               .converged = 1,
                                               .mask = item.mask}));
  }

  messaging::Communicator& communicator_;
  Random& random_;
  Judge judge_;
  std::vector<Slot> slots_;
  std::deque<messaging::WorkItem> queue_;
  bool asked_ = false, ended_ = false, published_ = false;
  std::vector<messaging::WorkItem> measured_;
};

class SimulatedFarm {
 public:
  SimulatedFarm(
      const grid::Grid& grid, int ranks, Coordinator::Options options,
      std::uint64_t seed,
      const SimulatedWorker::Judge& judge =
          [](const messaging::WorkItem&) {
            return messaging::Verdict::measured;
          })
      : random_(seed),
        ranks_(messaging::connect_in_process(ranks)),
        coordinator_(grid, *ranks_[0], std::move(options)) {
    for (const auto& rank : ranks_) {
      const auto slots = static_cast<std::size_t>(1 + random_.below(4));
      workers_.emplace_back(*rank, slots, random_, judge);
    }
  }

  /// Some turns, in which ranks are late at random; false once all is over.
  bool run(int turns) {
    while (turns-- > 0) {
      bool over = coordinator_.finished();
      for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
        if (random_.below(3) > 0) turn(rank);
        over = over && workers_[rank].published();
      }
      if (over) return false;
    }
    return true;
  }

  Coordinator& coordinator() { return coordinator_; }
  messaging::Communicator& rank(std::size_t rank) { return *ranks_[rank]; }
  const std::deque<SimulatedWorker>& workers() const { return workers_; }

 private:
  void turn(std::size_t rank) {
    while (const auto message = ranks_[rank]->receive()) {
      if (message->tag == messaging::kTagLease ||
          message->tag == messaging::kTagEnd) {
        workers_[rank].handle(*message);
      } else if (message->tag != messaging::kTagLeave) {
        coordinator_.handle(*message);
      }
    }
    if (rank == 0) coordinator_.tick();
    workers_[rank].turn();
  }

  Random random_;
  std::vector<std::unique_ptr<messaging::Communicator>> ranks_;
  Coordinator coordinator_;
  std::deque<SimulatedWorker> workers_;
};

}  // namespace cape::coordinator
