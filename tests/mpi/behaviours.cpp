#include "mpi/behaviours.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <utility>

namespace cape::messaging {
namespace {

constexpr int kTagMeeting = 1000;

/// Bytes that tell a message from another, and a part of it from the rest.
std::string pattern(int from, int to, std::size_t size) {
  std::string bytes = fmt::format("{}>{}:", from, to);
  bytes.resize(size);
  for (std::size_t i = 8; i < size; ++i) {
    bytes[i] = static_cast<char>(i * 31 + i / 4093 +
                                 static_cast<std::size_t>(7 * from + to));
  }
  return bytes;
}

void knows_its_place(Peer& peer) {
  EXPECT_GE(peer->rank(), 0);
  EXPECT_LT(peer->rank(), peer->size());
}

void has_nothing_that_was_not_sent(Peer& peer) {
  EXPECT_FALSE(peer.receive().has_value());
}

void delivers_bytes_tag_and_source(Peer& peer) {
  const int to = (peer->rank() + 1) % peer->size();
  const int from = (peer->rank() + peer->size() - 1) % peer->size();
  const std::string body("\0\xff\n zero and more", 17);
  peer->send(to, 7, body);
  peer->send(to, 0, "");
  const Message full = peer.next();
  EXPECT_EQ(full.source, from);
  EXPECT_EQ(full.tag, 7);
  EXPECT_EQ(full.body, body);
  const Message empty = peer.next();
  EXPECT_EQ(empty.source, from);
  EXPECT_EQ(empty.tag, 0);
  EXPECT_EQ(empty.body, "");
}

void delivers_to_itself(Peer& peer) {
  for (const char* body : {"first", "second"}) {
    peer->send(peer->rank(), 3, body);
  }
  for (const char* body : {"first", "second"}) {
    const Message message = peer.next();
    EXPECT_EQ(message.source, peer->rank());
    EXPECT_EQ(message.tag, 3);
    EXPECT_EQ(message.body, body);
  }
}

/// Sizes go to and fro across the limit up to which MPI sends at once.
void keeps_the_order_between_two_ranks(Peer& peer) {
  constexpr int kMessages = 600;
  for (int i = 0; i < kMessages; ++i) {
    const std::string padding(static_cast<std::size_t>(i % 7) * 3000, '.');
    for (int to = 0; to < peer->size(); ++to) {
      peer->send(to, i % 5, std::to_string(i) + padding);
    }
  }
  std::map<int, int> next;
  for (int i = 0; i < kMessages * peer->size(); ++i) {
    const Message message = peer.next();
    const int expected = next[message.source]++;
    ASSERT_EQ(std::stoi(message.body), expected);
    ASSERT_EQ(message.tag, expected % 5);
  }
  EXPECT_EQ(std::ssize(next), peer->size());
}

void delivers_messages_of_many_megabytes(Peer& peer) {
  constexpr std::size_t kSize = 5 << 20;
  for (int to = 0; to < peer->size(); ++to) {
    peer->send(to, 1, pattern(peer->rank(), to, kSize));
  }
  for (int i = 0; i < peer->size(); ++i) {
    const Message message = peer.next();
    // Not EXPECT_EQ, which would print them.
    EXPECT_TRUE(message.body == pattern(message.source, peer->rank(), kSize));
  }
}

void bears_a_flood_of_small_messages(Peer& peer) {
  constexpr int kMessages = 20000;
  for (int i = 0; i < kMessages; ++i) peer->send(0, 2, "x");
  if (peer->rank() != 0) return;
  for (int i = 0; i < kMessages * peer->size(); ++i) {
    ASSERT_EQ(peer.next().body, "x");
  }
}

void answers_requests(Peer& peer) {
  constexpr int kRounds = 200;
  int answered = 0, asked = 0;
  peer->send(0, 1, std::to_string(peer->rank()));
  const int to_answer = peer->rank() == 0 ? kRounds * peer->size() : 0;
  while (answered < to_answer || asked < kRounds) {
    const Message message = peer.next();
    if (message.tag == 1) {
      EXPECT_EQ(message.body, std::to_string(message.source));
      peer->send(message.source, 2, message.body);
      ++answered;
    } else {
      EXPECT_EQ(message.body, std::to_string(peer->rank()));
      if (++asked < kRounds) peer->send(0, 1, message.body);
    }
  }
}

void is_done_when_all_are_and_not_before(Peer& peer) {
  if (peer->rank() != 0) {
    // Rank 0 joins only when it has heard this.
    EXPECT_FALSE(peer->all_done());
    peer->send(0, 1, "joined");
  } else {
    for (int i = 1; i < peer->size(); ++i) (void)peer.next();
  }
  while (!peer->all_done()) std::this_thread::yield();
  EXPECT_TRUE(peer->all_done());
}

}  // namespace

std::optional<Message> Peer::receive() {
  if (!early_.empty()) {
    Message message = std::move(early_.front());
    early_.pop_front();
    return message;
  }
  auto message = communicator_.receive();
  if (!message || message->tag != kTagMeeting) return message;
  ++met_;
  return std::nullopt;
}

Message Peer::next() {
  while (true) {
    if (auto message = receive()) return std::move(*message);
    std::this_thread::yield();
  }
}

void Peer::meet() {
  // All tell rank 0, and then rank 0 tells all.
  const int size = communicator_.size();
  const bool leads = communicator_.rank() == 0;
  communicator_.send(0, kTagMeeting, "");
  const int calls = leads ? size : 1;
  std::deque<Message> early;
  while (met_ < calls) {
    if (auto message = receive()) early.push_back(std::move(*message));
    std::this_thread::yield();
  }
  met_ -= calls;
  early_ = std::move(early);
  for (int rank = 1; leads && rank < size; ++rank) {
    communicator_.send(rank, kTagMeeting, "");
  }
}

const std::vector<Behaviour>& behaviours() {
  static const std::vector<Behaviour> all = {
      {"KnowsItsPlace", knows_its_place},
      {"HasNothingThatWasNotSent", has_nothing_that_was_not_sent},
      {"DeliversBytesTagAndSource", delivers_bytes_tag_and_source},
      {"DeliversToItself", delivers_to_itself},
      {"KeepsTheOrderBetweenTwoRanks", keeps_the_order_between_two_ranks},
      {"DeliversMessagesOfManyMegabytes", delivers_messages_of_many_megabytes},
      {"BearsAFloodOfSmallMessages", bears_a_flood_of_small_messages},
      {"AnswersRequests", answers_requests},
      {"IsDoneWhenAllAreAndNotBefore", is_done_when_all_are_and_not_before},
  };
  return all;
}

}  // namespace cape::messaging
