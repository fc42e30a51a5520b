// The only file that includes MPI.
#include <cstdlib>

#include "core/error.h"
#include "messaging/communicator.h"

#ifdef CAPE_WITH_MPI

#include <mpi.h>

#include <deque>
#include <utility>

namespace cape::messaging {
namespace {

void check(int status, const char* call) {
  if (status == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  MPI_Error_string(status, text, &length);
  throw StoppedError(fmt::format("{}: {}", call, text));
}

bool launched() {
  for (const char* name :
       {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator() {
    // No other thread calls MPI.
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided),
          "MPI_Init_thread");
    // A separate communicator, whose errors are returned and are not fatal.
    check(MPI_Comm_dup(MPI_COMM_WORLD, &world_), "MPI_Comm_dup");
    MPI_Comm_set_errhandler(world_, MPI_ERRORS_RETURN);
    check(MPI_Comm_rank(world_, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(world_, &size_), "MPI_Comm_size");
  }

  ~MpiCommunicator() override {
    // MPI_Finalize waits for the other ranks, so it is called only when all
    // have said that they are done.
    if (!finished_) return;
    MPI_Comm_free(&world_);
    MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(int to, int tag, std::string body) override {
    if (to == rank_) {
      own_.push_back({rank_, tag, std::move(body)});
      return;
    }
    Sending& sending = sending_.emplace_back();
    sending.body = std::move(body);
    check(MPI_Isend(sending.body.data(), static_cast<int>(sending.body.size()),
                    MPI_BYTE, to, tag, world_, &sending.request),
          "MPI_Isend");
  }

  std::optional<Message> receive() override {
    forget_sent();
    if (!own_.empty()) {
      Message message = std::move(own_.front());
      own_.pop_front();
      return message;
    }
    if (receiving_ == MPI_REQUEST_NULL && !begin_to_receive()) {
      return std::nullopt;
    }
    int whole = 0;
    check(MPI_Test(&receiving_, &whole, MPI_STATUS_IGNORE), "MPI_Test");
    if (whole == 0) return std::nullopt;
    return std::move(arriving_);
  }

  bool all_done() override {
    forget_sent();
    if (!joined_) {
      check(MPI_Ibarrier(world_, &barrier_), "MPI_Ibarrier");
      joined_ = true;
    }
    int passed = 0;
    check(MPI_Test(&barrier_, &passed, MPI_STATUS_IGNORE), "MPI_Test");
    finished_ = passed != 0 && sending_.empty();
    return finished_;
  }

 private:
  struct Sending {
    std::string body;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  // A long message is transferred only while both sides take part, so a
  // blocking receive would wait for a rank that is busy or hangs.
  bool begin_to_receive() {
    int arrived = 0;
    MPI_Message message;
    MPI_Status status;
    check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, world_, &arrived, &message,
                      &status),
          "MPI_Improbe");
    if (arrived == 0) return false;
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    arriving_ = {status.MPI_SOURCE, status.MPI_TAG,
                 std::string(static_cast<std::size_t>(length), '\0')};
    check(MPI_Imrecv(arriving_.body.data(), length, MPI_BYTE, &message,
                     &receiving_),
          "MPI_Imrecv");
    return true;
  }

  // The oldest first: testing all of them would take long if there are many.
  void forget_sent() {
    while (!sending_.empty()) {
      int left = 0;
      check(MPI_Test(&sending_.front().request, &left, MPI_STATUS_IGNORE),
            "MPI_Test");
      if (left == 0) return;
      sending_.pop_front();
    }
  }

  MPI_Comm world_ = MPI_COMM_NULL;
  MPI_Request barrier_ = MPI_REQUEST_NULL;
  int rank_ = 0;
  int size_ = 1;
  bool joined_ = false, finished_ = false;
  std::deque<Message> own_;
  Message arriving_;
  MPI_Request receiving_ = MPI_REQUEST_NULL;  // of arriving_
  std::deque<Sending> sending_;  // MPI keeps pointers to its elements
};

}  // namespace

std::unique_ptr<Communicator> connect() {
  if (launched()) return std::make_unique<MpiCommunicator>();
  return std::move(connect_in_process(1).front());
}

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find(','));
}

}  // namespace cape::messaging

#else

namespace cape::messaging {

std::unique_ptr<Communicator> connect() {
  // Ranks that do not know of each other would each measure the whole grid.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const char* size = std::getenv(name);
    if (size != nullptr && std::atoi(size) > 1) {
      fail_user(
          "this cape_farm was built without MPI, but a launcher started {} "
          "ranks; build with -DCAPE_WITH_MPI=ON or run one process",
          size);
    }
  }
  return std::move(connect_in_process(1).front());
}

std::string mpi_version() { return "none"; }

}  // namespace cape::messaging

#endif
