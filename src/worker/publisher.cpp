#include "worker/publisher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/units.h"

namespace cape::worker {
namespace {

using Seconds = std::chrono::duration<double>;

// Publishing may take this part of the time: rewriting grows with the file.
constexpr double kShareOfTime = 0.01;
constexpr double kFirstPause = 0.1;
constexpr double kLongestPause = 30;

}  // namespace

Publisher::Publisher(shard::ShardWriter writer, Quarantine quarantine,
                     const grid::OutputConfig& output,
                     std::function<Clock::time_point()> now)
    : writer_(std::move(writer)),
      quarantine_(std::move(quarantine)),
      now_(std::move(now)),
      flush_seconds_(output.flush_seconds),
      retry_seconds_(output.retry_seconds),
      next_(now_() + to_duration(flush_seconds_)) {}

void Publisher::poll() {
  const Clock::time_point begin = now_();
  if (gave_up_ || begin < next_) return;
  const bool published = publish();
  const Clock::time_point end = now_();
  if (published) {
    failing_since_.reset();
    pause_ = 0;
    const double took = Seconds(end - begin).count();
    next_ = end + to_duration(std::max(flush_seconds_, took / kShareOfTime));
    return;
  }
  pause_ = std::clamp(2 * pause_, kFirstPause, kLongestPause);
  next_ = end + to_duration(pause_);
  if (!failing_since_) failing_since_ = begin;
  gave_up_ = Seconds(begin - *failing_since_).count() >= retry_seconds_ ||
             writer_.unpublished_bytes() > kMostWaitingBytes;
  spdlog::warn("{}; {} rows wait in memory, {}", error_,
               format_count(unpublished_rows()),
               gave_up_ ? "giving up" : "trying again");
}

void Publisher::publish_soon() {
  if (!failing_since_) next_ = now_();
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

}  // namespace cape::worker
