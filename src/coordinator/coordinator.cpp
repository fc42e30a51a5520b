#include "coordinator/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace cape {

Coordinator::Coordinator(const Grid& grid, Communicator& communicator,
                         Options options)
    : grid_(grid),
      communicator_(communicator),
      options_(std::move(options)),
      scheduler_(grid, options_.part, std::move(options_.done)),
      speed_(options_.speed),
      slots_(static_cast<std::size_t>(communicator.size())) {
  tally_.total = scheduler_.cells();
  tally_.done_before = options_.done_before;
  tally_.failed_before = options_.failed_before;
}

void Coordinator::handle(const Message& message) {
  switch (message.tag) {
    case kTagRequest:
      grant(message.source, unpack_one<Request>(message.body));
      break;
    case kTagOutcomes:
      count(unpack<Outcome>(message.body));
      break;
    case kTagTrouble:
      end(Ending::stop,
          fmt::format("rank {}: {}", message.source, message.body));
      break;
    case kTagSignalled:
      end(unpack_one<Ending>(message.body),
          fmt::format("rank {} received a signal", message.source));
      break;
    case kTagPublished:
      ++published_;
      if (!message.body.empty()) {
        early_reason_ =
            fmt::format("rank {}: {}", message.source, message.body);
      }
      break;
    default:
      fail("rank {} sent an unknown message {}", message.source, message.tag);
  }
}

void Coordinator::grant(int rank, const Request& request) {
  slots_[static_cast<std::size_t>(rank)] = request.slots;
  std::vector<WorkItem> items;
  if (!ending_) {
    const std::int64_t all =
        std::accumulate(slots_.begin(), slots_.end(), std::int64_t{0});
    items = scheduler_.take(request.slots, all,
                            [this](std::int64_t i) { return fits(i); });
  }
  leased_ += static_cast<std::int64_t>(items.size());
  for (const WorkItem& item : items) {
    leased_flops_ += grid_.expected_flops(item.index);
  }
  communicator_.send(rank, kTagLease, pack(items));
}

void Coordinator::count(const std::vector<Outcome>& outcomes) {
  for (const Outcome& outcome : outcomes) {
    const double flops = grid_.expected_flops(outcome.index);
    --leased_;
    leased_flops_ -= flops;
    switch (outcome.verdict) {
      case Verdict::measured:
        tally_.rows += outcome.cells;
        tally_.converged += outcome.converged;
        speed_.add(grid_.family(outcome.index), flops, outcome.seconds);
        break;
      case Verdict::quarantined:
        tally_.failed += outcome.cells;
        break;
      case Verdict::not_started:
        not_started_ = true;
        break;
    }
  }
}

void Coordinator::tick() {
  if (!ending_ && scheduler_.exhausted() && leased_ == 0) {
    const bool unfit = scheduler_.passed_over() || not_started_;
    end(Ending::finish, unfit ? "the rest does not fit the time limit" : "");
  }
  if (seconds_left() < SpeedEstimate::kSecondsToPublish) {
    end(Ending::stop, "the time limit is reached");
  }
}

void Coordinator::end(Ending ending, const std::string& reason) {
  // A run that drains can still be told to stop.
  if (ending_ && *ending_ >= ending) return;
  ending_ = ending;
  if (early_reason_.empty()) early_reason_ = reason;
  if (!reason.empty()) {
    spdlog::warn("{}: {}", reason,
                 ending == Ending::drain ? "finishing what runs"
                                         : "publishing what is done");
  }
  for (int rank = 0; rank < communicator_.size(); ++rank) {
    communicator_.send(rank, kTagEnd, pack_one(ending));
  }
}

ExitCode Coordinator::exit_code() const {
  if (tally_.left() > 0 || !early_reason_.empty()) return kExitStopped;
  return tally_.all_failed() > 0 ? kExitSomeFailed : kExitDone;
}

std::optional<double> Coordinator::eta() const {
  const auto slots =
      std::accumulate(slots_.begin(), slots_.end(), std::int64_t{0});
  if (slots == 0 || ending_) return std::nullopt;
  const auto seconds =
      speed_.seconds("", scheduler_.remaining_flops() + leased_flops_);
  if (!seconds) return std::nullopt;
  // Rounding may leave a little less than nothing.
  return std::max(*seconds, 0.0) / static_cast<double>(slots);
}

bool Coordinator::fits(std::int64_t index) const {
  return speed_.fits(grid_.family(index), grid_.expected_flops(index),
                     seconds_left());
}

double Coordinator::seconds_left() const {
  if (!options_.deadline) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(*options_.deadline - Clock::now())
      .count();
}

}  // namespace cape
