/// A rank's rows and failed trials on their way to disk: published every now
/// and then, and tried again where that fails, while more of them wait.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grid/config.h"
#include "shard/writer.h"
#include "worker/quarantine.h"

namespace cape::worker {

class Publisher {
 public:
  using Clock = std::chrono::steady_clock;

  /// Gives up after output.retry_seconds of failing, or when this much waits.
  static constexpr std::int64_t kMostWaitingBytes = 64'000'000;

  /// `now` tells the time, for tests.
  Publisher(shard::ShardWriter writer, Quarantine quarantine,
            const grid::OutputConfig& output,
            std::function<Clock::time_point()> now = Clock::now);

  void add(std::vector<shard::Row> rows, const shard::Curves& curves) {
    writer_.add(std::move(rows), curves);
  }
  void add(const FailedTrial& trial) { quarantine_.add(trial); }

  /// Publishes when it is time to: after output.flush_seconds, later where that
  /// would take much of the time. After a failure it tries again after a pause
  /// of 0.1 s, 0.2 s, ... 30 s, however long the failure took.
  void poll();

  /// Makes the next poll() publish, unless it waits after a failure.
  void publish_soon();

  /// Publishes now; false when that fails, and all is kept.
  bool publish();

  bool all_published() const;
  std::int64_t unpublished_rows() const { return writer_.unpublished_rows(); }

  /// Why the last attempt failed; empty when it did not.
  const std::string& error() const { return error_; }

  /// True when it has failed for too long, or too much waits.
  bool gave_up() const { return gave_up_; }

 private:
  shard::ShardWriter writer_;
  Quarantine quarantine_;
  std::function<Clock::time_point()> now_;
  double flush_seconds_;
  double retry_seconds_;
  Clock::time_point next_;
  std::optional<Clock::time_point> failing_since_;
  double pause_ = 0;  ///< after the last failure, in seconds
  std::string error_;
  bool gave_up_ = false;
};

}  // namespace cape::worker
