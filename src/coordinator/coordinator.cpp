#include "coordinator/coordinator.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace cape::coordinator {

Coordinator::Coordinator(const grid::Workload& workload,
                         messaging::Communicator& communicator, Options options)
    : workload_(workload),
      communicator_(communicator),
      options_(std::move(options)),
      scheduler_(workload, options_.part, std::move(options_.done)),
      speed_(options_.speed),
      slots_(static_cast<std::size_t>(communicator.size())) {
  tally_.unit = options_.unit;
  tally_.total = scheduler_.cells();
  tally_.done_before = options_.done_before;
  tally_.failed_before = options_.failed_before;
}

void Coordinator::handle(const messaging::Message& message) {
  switch (message.tag) {
    case messaging::kTagRequest:
      take_request(message.source,
                   messaging::unpack_one<messaging::Request>(message.body));
      break;
    case messaging::kTagOutcomes:
      count(messaging::unpack<messaging::Outcome>(message.body));
      break;
    case messaging::kTagClosed:
      close(message.source, message.body);
      break;
    case messaging::kTagTrouble:
      end(messaging::Ending::stop,
          fmt::format("rank {}: {}", message.source, message.body));
      break;
    case messaging::kTagSignalled:
      end(messaging::unpack_one<messaging::Ending>(message.body),
          fmt::format("rank {} received a signal", message.source));
      break;
    case messaging::kTagPublished:
      take_published(message.source, message.body);
      break;
    default:
      fail("rank {} sent an unknown message {}", message.source, message.tag);
  }
}

void Coordinator::take_request(int rank, const messaging::Request& request) {
  set_slots(rank, request.slots);
  waiting_.push_back(rank);
  grant();
}

void Coordinator::set_slots(int rank, std::int64_t slots) {
  std::int64_t& known = slots_.at(static_cast<std::size_t>(rank));
  all_slots_ += slots - known;
  known = slots;
}

void Coordinator::grant() {
  // A rank for which there is no work waits: another rank may give some back.
  while (!ending_ && !waiting_.empty() && !scheduler_.exhausted()) {
    const int rank = waiting_.front();
    const auto items =
        scheduler_.take(slots_[static_cast<std::size_t>(rank)], all_slots_,
                        [this](std::int64_t i) { return fits(i); });
    if (items.empty()) return;
    waiting_.pop_front();
    leased_ += std::ssize(items);
    for (const messaging::WorkItem& item : items) {
      leased_flops_ += workload_.expected_flops(item.index);
    }
    communicator_.send(rank, messaging::kTagLease, messaging::pack(items));
  }
}

void Coordinator::count(const std::vector<messaging::Outcome>& outcomes) {
  for (const messaging::Outcome& outcome : outcomes) {
    const double flops = workload_.expected_flops(outcome.index);
    const int cells = std::popcount(outcome.mask);
    --leased_;
    leased_flops_ -= flops;
    switch (outcome.verdict) {
      case messaging::Verdict::measured:
        tally_.rows += cells;
        tally_.converged += outcome.converged;
        speed_.add(workload_.family(outcome.index), flops, outcome.seconds);
        break;
      case messaging::Verdict::unusable:
        tally_.unusable += cells;
        break;
      case messaging::Verdict::quarantined:
        tally_.failed += cells;
        break;
      case messaging::Verdict::not_started:
        not_started_ = true;
        break;
      case messaging::Verdict::returned:
        scheduler_.give_back({outcome.index, outcome.mask});
        break;
    }
  }
  grant();
}

void Coordinator::close(int rank, const std::string& reason) {
  set_slots(rank, 0);
  std::erase(waiting_, rank);
  if (++closed_ < communicator_.size()) {
    spdlog::error("rank {} does no more work: {}", rank, reason);
  } else {
    end(messaging::Ending::stop,
        fmt::format("no trainer works; the last: rank {}: {}", rank, reason));
  }
}

void Coordinator::take_published(int rank, const std::string& lost) {
  if (!lost.empty()) {
    rows_lost_ = true;
    early_reason_ = fmt::format("rank {}: {}", rank, lost);
    spdlog::error("{}", early_reason_);
  }
  if (++published_ < communicator_.size()) return;
  for (int peer = 0; peer < communicator_.size(); ++peer) {
    communicator_.send(peer, messaging::kTagLeave, "");
  }
}

void Coordinator::tick() {
  if (!ending_ && scheduler_.exhausted() && leased_ == 0) {
    const bool unfit = scheduler_.passed_over() || not_started_;
    end(messaging::Ending::finish,
        unfit ? "the rest does not fit the time limit" : "");
  }
  if (seconds_left() < grid::SpeedEstimate::kSecondsToPublish) {
    end(messaging::Ending::stop, "the time limit is reached");
  }
}

void Coordinator::end(messaging::Ending ending, const std::string& reason) {
  // A run that finishes its trajectories can still be told to stop at once.
  if (ending_ && *ending_ >= ending) return;
  ending_ = ending;
  if (early_reason_.empty()) early_reason_ = reason;
  if (!reason.empty()) {
    spdlog::warn("{}: {}", reason,
                 ending == messaging::Ending::drain
                     ? "finishing what runs"
                     : "publishing what is done");
  }
  for (int rank = 0; rank < communicator_.size(); ++rank) {
    communicator_.send(rank, messaging::kTagEnd, messaging::pack_one(ending));
  }
}

ExitCode Coordinator::exit_code() const {
  // A signal or a time limit that arrives with the last row has no effect.
  if (tally_.left() > 0 || rows_lost_) return kExitStopped;
  return tally_.all_failed() > 0 ? kExitSomeFailed : kExitDone;
}

std::optional<double> Coordinator::eta() const {
  if (all_slots_ == 0 || ending_) return std::nullopt;
  const auto seconds =
      speed_.seconds("", scheduler_.remaining_flops() + leased_flops_);
  if (!seconds) return std::nullopt;
  // Because of rounding the rest may be a little less than 0.
  return std::max(*seconds, 0.0) / static_cast<double>(all_slots_);
}

bool Coordinator::fits(std::int64_t index) const {
  return speed_.fits(workload_.family(index), workload_.expected_flops(index),
                     seconds_left());
}

double Coordinator::seconds_left() const {
  if (!options_.deadline) return std::numeric_limits<double>::infinity();
  return std::chrono::duration<double>(*options_.deadline - Clock::now())
      .count();
}

}  // namespace cape::coordinator
