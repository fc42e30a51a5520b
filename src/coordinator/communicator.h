/// The one seam between the farm and MPI: ranks that send each other bytes and
/// never wait. connect() gives the MPI one under a launcher and the in-process
/// one elsewhere; the same tests run on both.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cape {

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

  /// Queues a message, to itself too. Messages between two ranks keep their
  /// order.
  virtual void send(int to, int tag, std::string body) = 0;

  /// The next message that has arrived.
  virtual std::optional<Message> receive() = 0;

  /// Joins the final barrier at the first call; true once all ranks have and
  /// everything this rank sent has left.
  virtual bool all_done() = 0;
};

/// The communicator of this process. Calls MPI_Init only where a launcher
/// (mpirun, srun --mpi) set its environment; MPI is finalised with it.
std::unique_ptr<Communicator> connect();

/// "Open MPI v4.1.4, ..." or "none"; for provenance.
std::string mpi_version();

/// `size` connected ranks within this process. Thread-safe between ranks.
std::vector<std::unique_ptr<Communicator>> connect_in_process(int size);

}  // namespace cape
