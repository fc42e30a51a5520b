// The only file that includes MPI.
#include <cstdlib>
#include <string>

#include "core/environment.h"
#include "core/error.h"
#include "messaging/communicator.h"

namespace cape::messaging {
namespace {

/// The number of ranks that a launcher says it has started; 1 without one.
int launched_ranks() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    const std::string size = environment_variable(name);
    if (!size.empty()) return std::atoi(size.c_str());
  }
  return 1;
}

}  // namespace
}  // namespace cape::messaging

#ifdef CAPE_WITH_MPI

#include <ifaddrs.h>
#include <mpi.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

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

#ifdef OMPI_MAJOR_VERSION
constexpr int kOpenMpi = OMPI_MAJOR_VERSION;
#else
constexpr int kOpenMpi = 0;
#endif

/// Whether this host has an address of IPv4 by which others can reach it.
bool has_ipv4() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return false;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, ::freeifaddrs);
  for (; list != nullptr; list = list->ifa_next) {
    if (list->ifa_addr != nullptr && list->ifa_addr->sa_family == AF_INET &&
        (list->ifa_flags & IFF_LOOPBACK) == 0) {
      return true;
    }
  }
  return false;
}

/// Open MPI 5 prints pages about addresses of IPv6 that cannot reach each
/// other, even where all connections are by IPv4.
void prefer_ipv4() {
  if (kOpenMpi >= 5 && has_ipv4()) {
    ::setenv("OMPI_MCA_btl_tcp_disable_family", "6", /*overwrite=*/0);
  }
}

class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator() {
    prefer_ipv4();
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
  if (launched()) {
    auto communicator = std::make_unique<MpiCommunicator>();
    // Each rank would measure the whole grid.
    if (communicator->size() == 1 && launched_ranks() > 1) {
      fail_user(
          "the launcher started {} ranks, but they do not know of each other: "
          "it belongs to another MPI than the one that cape_farm uses ({}); "
          "start cape_farm with the mpirun of that one, or with --ranks {}",
          launched_ranks(), mpi_version(), launched_ranks());
    }
    return communicator;
  }
  return std::move(connect_in_process(1).front());
}

std::string mpi_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string version(text, static_cast<std::size_t>(length));
  return version.substr(0, version.find(','));
}

void launch(int ranks, const std::vector<std::string>& command) {
  if (launched()) {
    fail_user(
        "--ranks starts mpirun, but a launcher has started this process; "
        "leave one of them out");
  }
  // Open MPI 4 and 5 each know their own names. Where there are more ranks than
  // cores they refuse to start, and so they do for root.
  for (const auto& [name, value] :
       {std::pair("OMPI_MCA_rmaps_base_oversubscribe", "1"),
        std::pair("PRTE_MCA_rmaps_default_mapping_policy", ":oversubscribe"),
        std::pair("OMPI_MCA_hwloc_base_binding_policy", "none"),
        std::pair("PRTE_MCA_hwloc_default_binding_policy", "none"),
        std::pair("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        std::pair("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")}) {
    ::setenv(name, value, /*overwrite=*/0);
  }
  const std::string named = environment_variable("CAPE_MPIRUN");
  std::vector<std::string> all = {named.empty() ? CAPE_MPIEXEC : named, "-n",
                                  std::to_string(ranks)};
  all.insert(all.end(), command.begin(), command.end());
  std::vector<char*> arguments;
  arguments.reserve(all.size() + 1);
  for (std::string& argument : all) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ::execvp(arguments.front(), arguments.data());
  fail_user(
      "cannot start {}: {}; install Open MPI (openmpi-bin), or name an "
      "mpirun with $CAPE_MPIRUN",
      all.front(), errno_text(errno));
}

}  // namespace cape::messaging

#else

namespace cape::messaging {

std::unique_ptr<Communicator> connect() {
  // Ranks that do not know of each other would each measure the whole grid.
  if (launched_ranks() > 1) {
    fail_user(
        "this cape_farm was built without MPI, but a launcher started {} "
        "ranks; build with -DCAPE_WITH_MPI=ON or run one process",
        launched_ranks());
  }
  return std::move(connect_in_process(1).front());
}

std::string mpi_version() { return "none"; }

void launch(int /*ranks*/, const std::vector<std::string>& /*command*/) {
  fail_user(
      "this cape_farm was built without MPI; build with -DCAPE_WITH_MPI=ON or "
      "leave out --ranks");
}

}  // namespace cape::messaging

#endif
