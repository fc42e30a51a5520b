#include <deque>
#include <mutex>
#include <set>
#include <utility>

#include "messaging/communicator.h"

namespace cape::messaging {
namespace {

struct Network {
  explicit Network(int size) : inboxes(static_cast<std::size_t>(size)) {}

  std::mutex mutex;
  std::vector<std::deque<Message>> inboxes;
  std::set<int> done;
};

class InProcessCommunicator final : public Communicator {
 public:
  InProcessCommunicator(std::shared_ptr<Network> network, int rank)
      : network_(std::move(network)), rank_(rank) {}

  int rank() const override { return rank_; }
  int size() const override {
    return static_cast<int>(network_->inboxes.size());
  }

  void send(int to, int tag, std::string body) override {
    const std::lock_guard lock(network_->mutex);
    network_->inboxes.at(static_cast<std::size_t>(to))
        .push_back({rank_, tag, std::move(body)});
  }

  std::optional<Message> receive() override {
    const std::lock_guard lock(network_->mutex);
    std::deque<Message>& inbox =
        network_->inboxes[static_cast<std::size_t>(rank_)];
    if (inbox.empty()) return std::nullopt;
    Message message = std::move(inbox.front());
    inbox.pop_front();
    return message;
  }

  bool all_done() override {
    const std::lock_guard lock(network_->mutex);
    network_->done.insert(rank_);
    return network_->done.size() == network_->inboxes.size();
  }

 private:
  std::shared_ptr<Network> network_;
  int rank_;
};

}  // namespace

std::vector<std::unique_ptr<Communicator>> connect_in_process(int size) {
  const auto network = std::make_shared<Network>(size);
  std::vector<std::unique_ptr<Communicator>> ranks;
  ranks.reserve(static_cast<std::size_t>(size));
  for (int rank = 0; rank < size; ++rank) {
    ranks.push_back(std::make_unique<InProcessCommunicator>(network, rank));
  }
  return ranks;
}

}  // namespace cape::messaging
