#include "worker/publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/units.h"

namespace cape {
namespace {

using Seconds = std::chrono::duration<double>;

// Publishing may take this part of the time: rewriting grows with the file.
constexpr double kShareOfTime = 0.01;
constexpr double kFirstPause = 0.1;
constexpr double kLongestPause = 30;

Publisher::Clock::duration to_clock(double seconds) {
  constexpr double kYears = 1e9;  // more would not fit the clock
  return std::chrono::duration_cast<Publisher::Clock::duration>(
      Seconds(std::min(seconds, kYears)));
}

}  // namespace

Publisher::Publisher(shard::ShardWriter writer, Quarantine quarantine,
                     const OutputConfig& output)
    : writer_(std::move(writer)),
      quarantine_(std::move(quarantine)),
      flush_seconds_(output.flush_seconds),
      retry_seconds_(output.retry_seconds),
      next_(Clock::now() + to_clock(flush_seconds_)) {}

void Publisher::poll() {
  const Clock::time_point begin = Clock::now();
  if (gave_up_ || begin < next_) return;
  const bool published = publish();
  const double took = Seconds(Clock::now() - begin).count();
  double wait = flush_seconds_;
  if (published) {
    failing_since_.reset();
    pause_ = 0;
  } else {
    pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
    wait = pause_;
    if (!failing_since_) failing_since_ = begin;
    gave_up_ = Seconds(begin - *failing_since_).count() >= retry_seconds_ ||
               writer_.unpublished_bytes() > kMostWaitingBytes;
    spdlog::warn("{}; {} rows wait in memory, {}", error_,
                 format_count(unpublished_rows()),
                 gave_up_ ? "giving up" : "trying again");
  }
  next_ = Clock::now() + to_clock(std::max(wait, took / kShareOfTime));
}

void Publisher::hasten() {
  if (!failing_since_) next_ = Clock::now();
}

bool Publisher::publish() {
  try {
    error_.clear();
    quarantine_.flush();
    writer_.flush();
  } catch (const StoppedError& error) {
    error_ = error.what();
  }
  return error_.empty();
}

bool Publisher::all_published() const {
  return writer_.unpublished_rows() == 0 && quarantine_.flushed();
}

}  // namespace cape
