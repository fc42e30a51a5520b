/// The only connection between the farm and MPI: ranks that send each other
/// bytes and never wait. connect() returns the MPI implementation under a
/// launcher and the in-process one elsewhere. The same tests run on both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cape::messaging {

struct Message {
  int source = 0;
  int tag = 0;
  std::string body;
};

class Communicator {
 public:
  Communicator() = default;
  virtual ~Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// Queues a message, also to this rank itself. Messages between two ranks
  /// keep their order.
  virtual void send(int to, int tag, std::string body) = 0;

  /// The next message that has arrived; nothing if none has.
  virtual std::optional<Message> receive() = 0;

  /// The first call joins the final barrier. Returns true once all ranks have
  /// joined it and all that this rank sent has left.
  virtual bool all_done() = 0;
};

/// The communicator of this process. Calls MPI_Init only if a launcher (mpirun,
/// srun --mpi) has set its environment. MPI is finalised when the communicator
/// is destroyed. Throws UserError where the launcher started several ranks that
/// do not know of each other.
std::unique_ptr<Communicator> connect();

/// Becomes mpirun, which starts `ranks` processes of `command` (the path of the
/// program first) on this machine, as root too and with more ranks than cores.
/// The mpirun is $CAPE_MPIRUN, or else that of the MPI that this was built
/// with. Throws UserError where there is none, and under a launcher.
[[noreturn]] void launch(int ranks, const std::vector<std::string>& command);

/// "Open MPI v4.1.4, ..." or "none"; for the provenance of shards.
std::string mpi_version();

/// `size` connected ranks within this process. Thread-safe between ranks.
std::vector<std::unique_ptr<Communicator>> connect_in_process(int size);

}  // namespace cape::messaging
