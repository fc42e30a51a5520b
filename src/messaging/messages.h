/// The messages between ranks. Worker to coordinator: hello, ready, request,
/// outcomes, closed, trouble, signalled, published. Coordinator to worker:
/// resource query, start, lease, end, leave. Both: alive.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "grid/workload.h"

namespace cape::messaging {

enum Tag : int {
  kTagResourceQuery = 1,  ///< JSON: which trainer and device; empty: leave
  kTagHello,              ///< JSON: this rank's host, CPUs and GPUs
  kTagStart,              ///< JSON: the run, then "go"; empty: leave
  kTagReady,      ///< text: why this rank cannot take part; empty: it can
  kTagRequest,    ///< Request: send work once there is some
  kTagLease,      ///< WorkItems
  kTagOutcomes,   ///< Outcomes of trajectories
  kTagClosed,     ///< text: why no trainer of this rank works
  kTagTrouble,    ///< text: this rank cannot go on; stop the run
  kTagSignalled,  ///< Ending: this rank was told to end by a signal
  kTagEnd,        ///< Ending: wind down, publish, say so
  kTagPublished,  ///< text: what could not be published; empty: nothing
  kTagLeave,      ///< all ranks have published
  kTagAlive,      ///< empty: a sign of life
};

/// How a run ends: `finish` when everything is done; `drain` lets running
/// trajectories finish first; `stop` does not.
enum class Ending : std::int32_t { finish, drain, stop };

struct WorkItem {
  std::int64_t index;         ///< of the trajectory
  trial::CriterionMask mask;  ///< criteria still missing
};

struct Request {
  std::int32_t slots;  ///< trainers of this rank
};

/// A result that is not to be published is `unusable`; what does not fit the
/// time that is left is `not_started`; what another rank is to do instead is
/// `returned`.
enum class Verdict : std::int32_t {
  measured,
  unusable,
  quarantined,
  not_started,
  returned
};

struct Outcome {
  std::int64_t index;
  double seconds;  ///< that a trainer spent on it
  Verdict verdict;
  std::int32_t converged;     ///< of the rows
  trial::CriterionMask mask;  ///< criteria: rows, or what was not measured
};

/// Arrays of plain structs as bytes. All ranks of a run are the same program,
/// so no other encoding is needed.
template <class T>
std::string pack(const std::vector<T>& items) {
  static_assert(std::is_trivially_copyable_v<T>);
  return std::string(reinterpret_cast<const char*>(items.data()),
                     items.size() * sizeof(T));
}

template <class T>
std::vector<T> unpack(const std::string& bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (bytes.size() % sizeof(T) != 0) {
    fail("a message of {} bytes from another rank, not a multiple of {}",
         bytes.size(), sizeof(T));
  }
  std::vector<T> items(bytes.size() / sizeof(T));
  if (!items.empty()) std::memcpy(items.data(), bytes.data(), bytes.size());
  return items;
}

template <class T>
std::string pack_one(const T& item) {
  return pack(std::vector<T>{item});
}

template <class T>
T unpack_one(const std::string& bytes) {
  const std::vector<T> items = unpack<T>(bytes);
  if (items.size() != 1) fail("a message of {} items, not one", items.size());
  return items.front();
}

}  // namespace cape::messaging
