// A client's mailbox lets subscriptions wait: nothing is lost by it, and nobody else waits.
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>

#include "core/mailbox.hpp"
#include "core/topics.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

constexpr std::uint32_t life = 1;
constexpr std::size_t subscriptions = 4;
constexpr std::size_t topics = 2;

// Written before any message: the address is all that a mailbox knows of a topic.
std::array<Topic, topics> shared_topics{Topic{*Address::parse("feed/a")},
                                        Topic{*Address::parse("feed/b")}};

struct Box {
  explicit Box(std::uint32_t messages) {
    mailbox.open(life, {{messages, 1000}, Overflow::reject, true});
  }
  PushResult publish(std::size_t subscription, std::size_t topic, Overflow overflow) {
    EnvelopePtr envelope(new Envelope(Kind::publish, MessageId{++ids}));
    envelope->topic = &shared_topics.at(topic);
    envelope->seq = ++seqs[{subscription, topic}];
    envelope->subscription = SubscriptionId{subscription + 1};
    envelope->overflow = overflow;
    envelope->payload = Payload("x");
    return mailbox.push(envelope, life);
  }
  void push(Kind kind) {
    EnvelopePtr envelope(new Envelope(kind, MessageId{++ids}));
    (void)mailbox.push(envelope, life);
  }
  EnvelopePtr take() {
    auto envelope = mailbox.next({}).envelope;
    if (envelope != nullptr && is_counted(envelope->kind)) mailbox.settle_handled();
    return envelope;
  }

  Mailbox mailbox;
  std::uint64_t ids = 0;
  std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> seqs;
};

// What the mailbox must do, as plainly as it can be said.
struct Reader {
  std::map<std::pair<std::uint64_t, const Topic*>, std::uint64_t> next;
  std::set<std::uint64_t> held;
  std::string wrong;

  void read(const Envelope& envelope) {
    if (envelope.topic == nullptr) return;
    const auto subscription = static_cast<std::uint64_t>(envelope.subscription);
    if (held.contains(subscription)) wrong = "mail of a subscription that waits";
    auto& expected = next.try_emplace({subscription, envelope.topic}, 1).first->second;
    if (envelope.seq != expected) wrong = "a number out of its order";
    expected = (envelope.kind == Kind::gap ? envelope.seq_last : envelope.seq) + 1;
  }
};

}  // namespace

TEST_CASE("mail of a subscription that waits is passed over and comes in its order later",
          "[core]") {
  Box box(10);
  (void)box.publish(0, 0, Overflow::drop_oldest);
  (void)box.publish(1, 0, Overflow::drop_oldest);
  (void)box.publish(0, 0, Overflow::drop_oldest);
  box.push(Kind::barrier);
  box.mailbox.hold(SubscriptionId{1});
  CHECK(box.take()->subscription == SubscriptionId{2});
  CHECK(box.take()->kind == Kind::barrier);
  CHECK(box.take() == nullptr);
  CHECK(box.mailbox.try_sleep());
  CHECK(box.mailbox.queued() == 2);
  (void)box.publish(1, 0, Overflow::drop_oldest);
  box.mailbox.release(SubscriptionId{1});
  CHECK(box.take()->seq == 1);
  CHECK(box.take()->seq == 2);
  CHECK(box.take()->subscription == SubscriptionId{2});
  CHECK(box.take() == nullptr);
  CHECK(box.mailbox.is_consistent());
}

TEST_CASE("what is lost of a subscription that waits is noted where it was", "[core]") {
  Box box(3);
  box.mailbox.hold(SubscriptionId{1});
  for (int i = 0; i < 5; ++i) (void)box.publish(0, 0, Overflow::drop_oldest);
  CHECK(box.take() == nullptr);
  box.mailbox.release(SubscriptionId{1});
  const auto gap = box.take();
  REQUIRE(gap != nullptr);
  CHECK(gap->kind == Kind::gap);
  CHECK(gap->seq == 1);
  CHECK(gap->seq_last == 2);
  CHECK(box.take()->seq == 3);
}

TEST_CASE("mail that is lost with its subscription is noted and holds nobody up", "[core]") {
  Box box(10);
  box.mailbox.hold(SubscriptionId{1});
  for (int i = 0; i < 3; ++i) (void)box.publish(0, 0, Overflow::kick);
  (void)box.publish(1, 0, Overflow::kick);
  CHECK(box.take()->subscription == SubscriptionId{2});
  box.mailbox.lose_all_of(SubscriptionId{1}, {});
  const auto gap = box.take();
  REQUIRE(gap != nullptr);
  CHECK(gap->kind == Kind::gap);
  CHECK(gap->seq_last == 3);
  CHECK(box.take() == nullptr);
  CHECK(box.mailbox.ledger().is_balanced());
}

TEST_CASE("the end of a life gives back what waited", "[core]") {
  Box box(10);
  box.mailbox.hold(SubscriptionId{1});
  for (int i = 0; i < 3; ++i) (void)box.publish(0, 0, Overflow::kick);
  CHECK(box.take() == nullptr);
  CHECK(box.mailbox.close().size() == 3);
}

TEST_CASE("whatever waits, goes on, overflows and is taken, each number comes once and in order",
          "[core]") {
  constexpr std::array<Overflow, 3> policies{Overflow::drop_oldest, Overflow::drop_newest,
                                             Overflow::conflate};
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const auto pick = [&random](std::size_t below) { return random() % below; };
    Box box(static_cast<std::uint32_t>(1 + pick(12)));
    Reader reader;
    std::array<Overflow, subscriptions> overflow{};
    for (auto& one : overflow) one = policies.at(pick(policies.size()));
    const auto take_all = [&] {
      while (const auto envelope = box.take()) reader.read(*envelope);
    };
    for (int step = 0; step < 300; ++step) {
      const std::size_t subscription = pick(subscriptions);
      const SubscriptionId id{subscription + 1};
      switch (pick(8)) {
        case 0:
          box.mailbox.hold(id);
          reader.held.insert(subscription + 1);
          break;
        case 1:
          box.mailbox.release(id);
          reader.held.erase(subscription + 1);
          break;
        case 2:
          box.push(Kind::barrier);
          break;
        case 3:
          if (const auto envelope = box.take()) reader.read(*envelope);
          break;
        case 4:
          if (pick(10) == 0) {
            box.mailbox.lose_all_of(id, {});
            reader.held.erase(subscription + 1);
          }
          break;
        default:
          (void)box.publish(subscription, pick(topics), overflow.at(subscription));
      }
      REQUIRE(box.mailbox.is_consistent());
    }
    // Nobody who need not wait is left behind.
    take_all();
    for (const auto& [key, last] : box.seqs) {
      if (reader.held.contains(key.first + 1)) continue;
      CHECK(reader.next[{key.first + 1, &shared_topics.at(key.second)}] == last + 1);
    }
    for (std::size_t i = 1; i <= subscriptions; ++i) box.mailbox.release(SubscriptionId{i});
    reader.held.clear();
    take_all();
    for (const auto& [key, last] : box.seqs) {
      CHECK(reader.next[{key.first + 1, &shared_topics.at(key.second)}] == last + 1);
    }
    CHECK(reader.wrong == "");
    CHECK(box.mailbox.ledger().is_balanced());
  }
}
