// Shedding: a client's oldest publishes give way to the memory of all, noted where they were.
#include <array>
#include <map>
#include <random>
#include <string>

#include "core/mailbox.hpp"
#include "core/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using backstage::test::Script;
using backstage::test::Stage;

namespace {

constexpr std::uint32_t life = 1;
constexpr std::uint64_t all_of_it = 1U << 30U;
using Texts = std::vector<std::string>;

Topic topic_a{*Address::parse("feed/a")};
Topic topic_b{*Address::parse("feed/b")};

// A client's mailbox, whose tally the test sees.
struct Box {
  explicit Box(std::uint32_t messages = 1'000) {
    mailbox.open(life, {{messages, 1U << 20U}, Overflow::reject, true, &tally});
    CHECK(mailbox.try_sleep());
  }
  ~Box() { (void)mailbox.close(); }
  PushResult push(Kind kind, std::string_view text, const Topic* topic = nullptr,
                  std::uint64_t seq = 0, Overflow overflow = Overflow::drop_oldest) {
    EnvelopePtr envelope(new Envelope);
    envelope->kind = kind;
    envelope->payload = Payload(text);
    envelope->topic = topic;
    envelope->seq = seq;
    envelope->overflow = overflow;
    envelope->subscription = SubscriptionId{1};
    return mailbox.push(envelope, life);
  }
  ShedResult shed(std::uint64_t bytes) { return mailbox.shed(bytes, life, {}); }
  Texts take() {
    Texts all;
    while (auto envelope = mailbox.next({}).envelope) {
      std::string text(envelope->payload.text());
      if (envelope->kind == Kind::gap) {
        std::string gap = "gap ";
        gap.append(std::to_string(envelope->seq)).append(1, '-');
        gap.append(std::to_string(envelope->seq_last)).append(1, ' ');
        text.insert(0, gap);
      } else {
        mailbox.settle_handled();
      }
      all.push_back(std::move(text));
    }
    return all;
  }
  [[nodiscard]] std::uint64_t dropped(DropCause cause) const {
    return mailbox.ledger().dropped[static_cast<std::size_t>(cause)];
  }
  MailboxTally tally;
  Mailbox mailbox;
};

}  // namespace

TEST_CASE("the oldest publishes are shed, until enough is free", "[core]") {
  Box box;
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    (void)box.push(Kind::publish, "a" + std::to_string(seq), &topic_a, seq);
  }
  const auto shed = box.shed(2 * sizeof(Envelope));
  CHECK(shed.bytes == 2 * (sizeof(Envelope) + 2));
  CHECK_FALSE(shed.kicks);
  CHECK(box.dropped(DropCause::shed) == 2);
  CHECK(box.mailbox.is_consistent());
  CHECK(box.take() == Texts{"gap 1-2 shed", "a3", "a4", "a5"});
  CHECK(box.mailbox.ledger().is_balanced());
}

TEST_CASE("what is shed is noted where it was, among what is never shed", "[core]") {
  Box box;
  (void)box.push(Kind::publish, "a1", &topic_a, 1);
  (void)box.push(Kind::send, "direct", nullptr, 0, Overflow::reject);
  (void)box.push(Kind::publish, "b1", &topic_b, 1);
  (void)box.push(Kind::reply, "reply");
  (void)box.push(Kind::publish, "a2", &topic_a, 2);
  (void)box.push(Kind::request, "asked", nullptr, 0, Overflow::reject);
  CHECK(box.shed(all_of_it).bytes == 3 * (sizeof(Envelope) + 2));
  CHECK(box.take() == Texts{"gap 1-2 shed", "direct", "gap 1-1 shed", "reply", "asked"});
  CHECK(box.shed(all_of_it).bytes == 0);
  CHECK(box.mailbox.ledger().is_balanced());
}

TEST_CASE("what is shed after a loss of another kind has a note of its own", "[core]") {
  Box box(2);
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    (void)box.push(Kind::publish, "a" + std::to_string(seq), &topic_a, seq);
  }
  (void)box.shed(1);
  CHECK(box.take() == Texts{"gap 1-2 slow", "gap 3-3 shed", "a4"});
}

TEST_CASE("a conflated publish that is shed is forgotten as the newest", "[core]") {
  Box box;
  (void)box.push(Kind::publish, "a1", &topic_a, 1, Overflow::conflate);
  (void)box.shed(all_of_it);
  (void)box.push(Kind::publish, "a2", &topic_a, 2, Overflow::conflate);
  CHECK(box.take() == Texts{"gap 1-1 shed", "a2"});
  CHECK(box.dropped(DropCause::conflated) == 0);
}

TEST_CASE("who would rather end than lose a message is shed last, and ends", "[core]") {
  Box box;
  (void)box.push(Kind::publish, "a1", &topic_a, 1, Overflow::kick);
  (void)box.push(Kind::publish, "b1", &topic_b, 1);
  const auto enough = box.shed(1);
  CHECK(enough.bytes != 0);
  CHECK_FALSE(enough.kicks);
  const auto more = box.shed(1);
  CHECK(more.bytes == 0);
  CHECK(more.kicks);
  CHECK(has(box.mailbox.next({}).signals, Signal::kick));
  CHECK(box.take() == Texts{"a1", "gap 1-1 shed"});
}

TEST_CASE("an owner whose client is stuck is not woken for a note, but to end", "[core]") {
  Box box;
  box.mailbox.set_mail_wakes(false);
  (void)box.push(Kind::publish, "a1", &topic_a, 1);
  CHECK_FALSE(box.shed(1).woke_owner);
  (void)box.push(Kind::publish, "b1", &topic_b, 1, Overflow::kick);
  CHECK(box.shed(1).woke_owner);
}

TEST_CASE("nothing is shed of another life, or of a mailbox that is closed", "[core]") {
  Box box;
  (void)box.push(Kind::publish, "a1", &topic_a, 1);
  CHECK(box.mailbox.shed(all_of_it, life + 1, {}).bytes == 0);
  (void)box.mailbox.close();
  CHECK(box.shed(all_of_it).bytes == 0);
}

TEST_CASE("a mailbox that is a plain list has nothing to shed", "[core]") {
  Mailbox plain;
  Home home;
  plain.open(life, {}, &home);
  CHECK(plain.shed(all_of_it, life, {}).bytes == 0);
  (void)plain.close();
}

TEST_CASE("mailboxes add up in their tally, to within a step of each", "[core]") {
  Box box;
  const std::string text(1'000, 'x');
  std::uint64_t real = 0;
  for (std::uint64_t seq = 1; seq <= 50; ++seq) {
    (void)box.push(Kind::publish, text, &topic_a, seq);
    real += text.size() + sizeof(Envelope);
    CHECK(box.tally.bytes <= real);
    CHECK(box.tally.bytes + tally_step > real);
    CHECK(box.mailbox.depth().waiting_bytes() == real);
  }
  (void)box.shed(10 * (text.size() + sizeof(Envelope)));
  CHECK(box.tally.dropped[static_cast<std::size_t>(DropCause::shed)] == 10);
  CHECK(box.tally.bytes < real - 9 * text.size());
  (void)box.take();
  CHECK(box.tally.bytes == 0);
  for (std::uint64_t seq = 51; seq <= 60; ++seq) (void)box.push(Kind::publish, text, &topic_a, seq);
  CHECK(box.tally.bytes != 0);
  (void)box.mailbox.close();
  CHECK(box.tally.bytes == 0);
}

TEST_CASE("whatever is pushed, taken and shed, each number is had or noted once, in order",
          "[core]") {
  constexpr std::array policies{Overflow::drop_oldest, Overflow::drop_newest, Overflow::conflate};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Box box(static_cast<std::uint32_t>(1 + random() % 30));
    std::map<const Topic*, std::uint64_t> published;
    std::map<const Topic*, std::uint64_t> covered;
    std::uint64_t shed = 0;
    const auto take_one = [&] {
      const auto envelope = box.mailbox.next({}).envelope;
      if (envelope == nullptr) return false;
      if (is_counted(envelope->kind)) box.mailbox.settle_handled();
      if (envelope->topic == nullptr) return true;
      const bool is_gap = envelope->kind == Kind::gap;
      CHECK(envelope->seq == covered[envelope->topic] + 1);
      covered[envelope->topic] = is_gap ? envelope->seq_last : envelope->seq;
      if (is_gap && envelope->payload.text() == "shed") ++shed;
      return true;
    };
    for (int step = 0; step < 2'000; ++step) {
      const Topic* const topic = random() % 2 == 0 ? &topic_a : &topic_b;
      switch (random() % 6) {
        case 0:
          (void)take_one();
          break;
        case 1:
          (void)box.shed(random() % 3 == 0 ? all_of_it : random() % 2'000);
          break;
        case 2:
          (void)box.push(Kind::send, "direct", nullptr, 0, Overflow::reject);
          break;
        default:
          (void)box.push(Kind::publish, std::string(random() % 200, 'x'), topic, ++published[topic],
                         policies[random() % policies.size()]);
      }
    }
    CHECK(box.mailbox.is_consistent());
    while (take_one()) {
    }
    CHECK(covered == published);
    CHECK(shed > 0);
    CHECK(box.tally.bytes == 0);
    CHECK(box.mailbox.ledger().is_balanced());
  }
}

TEST_CASE("a client's cell sheds, is posted for it, and the message's fate is known", "[core]") {
  Stage stage;
  MailboxTally tally;
  auto script = std::make_shared<Script>();
  bool is_blocked = true;
  script->receive = [&is_blocked](Context&, const Envelope& envelope) -> Outcome {
    const bool is_stuck = is_blocked && envelope.kind == Kind::publish;
    return is_stuck ? Handled::again : Handled::done;
  };
  Cell& cell = stage.client("slow", script, {{100, 1U << 20U}, Overflow::reject, true, &tally});
  const auto subscribed = stage.engine.context_of(cell).subscribe(
      *Pattern::parse("feed/a"), {.overflow = Overflow::drop_oldest});
  REQUIRE(subscribed.has_value());
  for (int i = 0; i < 6; ++i) {
    (void)stage.publish("feed/a", "x");
    (void)stage.settle();
  }
  // The first is in its hand, and is not given up.
  CHECK(cell.shed(3 * sizeof(Envelope), cell.id()) == 3 * (sizeof(Envelope) + 1));
  is_blocked = false;
  cell.signal(Signal::resume, cell.id());
  (void)stage.settle();
  Texts seen;
  for (const auto& got : script->got) {
    if (got.kind == Kind::gap) seen.push_back("gap " + std::to_string(got.seq) + " " + got.text);
    if (got.kind == Kind::publish) seen.push_back(std::to_string(got.seq));
  }
  CHECK(seen == Texts{"1", "1", "gap 2 shed", "5", "6"});
  CHECK(stage.ledger().dropped[static_cast<std::size_t>(DropCause::shed)] == 3);
  CHECK(stage.ledger().is_balanced());
}
