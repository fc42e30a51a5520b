/// What every communicator does, as bodies that all ranks run at the same time,
/// each in a thread or a process of its own.
#pragma once

#include <deque>
#include <optional>
#include <ostream>
#include <vector>

#include "messaging/communicator.h"

namespace cape::messaging {

/// A rank of a test: waits for messages, and for the others between two bodies.
class Peer {
 public:
  explicit Peer(Communicator& communicator) : communicator_(communicator) {}

  Communicator* operator->() { return &communicator_; }

  /// The next message that has arrived, if any.
  std::optional<Message> receive();

  /// Polls until there is one.
  Message next();

  /// Returns once all ranks have called it. Each has then received all that was
  /// sent to it, if every body receives what its peers send.
  void meet();

 private:
  Communicator& communicator_;
  int met_ = 0;                ///< calls to a meeting that have arrived
  std::deque<Message> early_;  ///< of a body that others have begun
};

struct Behaviour {
  const char* name;
  void (*check)(Peer& peer);
};

/// In the order in which to check them: the last one ends a communicator.
const std::vector<Behaviour>& behaviours();

inline void PrintTo(const Behaviour& behaviour, std::ostream* out) {
  *out << behaviour.name;
}

}  // namespace cape::messaging
