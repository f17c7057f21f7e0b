// The mailbox: bounds, policies, order, loss notes, waking.
#include <string>

#include "core/mailbox.hpp"
#include "core/topics.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

constexpr std::uint32_t life = 1;

struct Box {
  explicit Box(Mailbox::Options options) { mailbox.open(life, options); }
  PushResult push(Kind kind, std::string_view text, const Topic* topic = nullptr,
                  std::uint64_t seq = 0, Overflow overflow = Overflow::reject) {
    EnvelopePtr envelope(new Envelope);
    envelope->kind = kind;
    envelope->payload = Payload(text);
    envelope->topic = topic;
    envelope->seq = seq;
    envelope->overflow = overflow;
    envelope->subscription = SubscriptionId{1};
    return mailbox.push(envelope, life);
  }
  // Pops all, as text: gaps as "gap 1-3 slow".
  std::vector<std::string> take() {
    std::vector<std::string> all;
    while (auto envelope = mailbox.next({}).envelope) {
      std::string text(envelope->payload.text());
      if (envelope->kind == Kind::gap) {
        std::string gap = "gap ";
        gap.append(std::to_string(envelope->seq)).append("-");
        gap.append(std::to_string(envelope->seq_last)).append(" ").append(text);
        text = std::move(gap);
      } else {
        mailbox.settle_handled();
      }
      all.push_back(std::move(text));
    }
    return all;
  }
  Mailbox mailbox;
};

using Texts = std::vector<std::string>;
Mailbox::Options bounded(std::uint32_t messages, Overflow overflow = Overflow::reject,
                         bool notes = false) {
  return {{messages, 1000}, overflow, notes};
}
Topic topic_a{*Address::parse("feed/a")};
Topic topic_b{*Address::parse("feed/b")};

}  // namespace

TEST_CASE("a mailbox refuses data past its messages and past its bytes", "[core]") {
  Box box(bounded(2));
  CHECK(box.push(Kind::send, "1").verdict == PushVerdict::accepted);
  CHECK(box.push(Kind::request, "2").verdict == PushVerdict::accepted);
  const auto third = box.push(Kind::send, "3");
  CHECK(third.verdict == PushVerdict::refused);
  CHECK(third.why == Errc::mailbox_full);
  CHECK(box.take() == Texts{"1", "2"});
  CHECK(box.push(Kind::send, std::string(1000, 'x')).verdict == PushVerdict::accepted);
  CHECK(box.push(Kind::send, "x").why == Errc::mailbox_full);
  CHECK(box.mailbox.ledger().queued_bytes == 1000);
}

TEST_CASE("control always has room and keeps its place among data", "[core]") {
  Box box(bounded(2));
  (void)box.push(Kind::send, "1");
  (void)box.push(Kind::reply, "reply");
  (void)box.push(Kind::send, "2");
  CHECK(box.push(Kind::timer, "timer").verdict == PushVerdict::accepted);
  CHECK(box.push(Kind::down, "down").verdict == PushVerdict::accepted);
  CHECK(box.take() == Texts{"1", "reply", "2", "timer", "down"});
}

TEST_CASE("drop_newest drops the arriving message and counts it", "[core]") {
  Box box(bounded(1, Overflow::drop_newest));
  (void)box.push(Kind::send, "1");
  CHECK(box.push(Kind::send, "2").verdict == PushVerdict::dropped);
  CHECK(box.take() == Texts{"1"});
  CHECK(box.mailbox.ledger().dropped[static_cast<std::size_t>(DropCause::newest)] == 1);
  CHECK(box.mailbox.ledger().is_balanced());
}

TEST_CASE("drop_oldest makes room in messages and in bytes", "[core]") {
  Box box(bounded(3, Overflow::drop_oldest));
  for (const auto* text : {"1", "2", "3", "4"}) (void)box.push(Kind::send, text);
  CHECK(box.take() == Texts{"2", "3", "4"});
  (void)box.push(Kind::send, std::string(600, 'a'));
  (void)box.push(Kind::send, std::string(300, 'b'));
  (void)box.push(Kind::send, std::string(700, 'c'));
  CHECK(box.take() == Texts{std::string(300, 'b'), std::string(700, 'c')});
  CHECK(box.push(Kind::send, std::string(1001, 'd')).verdict == PushVerdict::dropped);
  CHECK(box.mailbox.ledger().is_balanced());
}

TEST_CASE("conflate keeps the newest publish of each address", "[core]") {
  Box box(bounded(10, Overflow::conflate));
  (void)box.push(Kind::publish, "a1", &topic_a, 1, Overflow::conflate);
  (void)box.push(Kind::publish, "b1", &topic_b, 1, Overflow::conflate);
  (void)box.push(Kind::publish, "a2", &topic_a, 2, Overflow::conflate);
  (void)box.push(Kind::send, "direct");
  CHECK(box.take() == Texts{"b1", "a2", "direct"});
  CHECK(box.mailbox.ledger().dropped[static_cast<std::size_t>(DropCause::conflated)] == 1);
}

TEST_CASE("what a client's subscription loses is noted in its place, once", "[core]") {
  Box box(bounded(2, Overflow::reject, true));
  for (std::uint64_t seq = 1; seq <= 6; ++seq) {
    (void)box.push(Kind::publish, "a" + std::to_string(seq), &topic_a, seq, Overflow::drop_oldest);
  }
  CHECK(box.take() == Texts{"gap 1-4 slow", "a5", "a6"});
}

TEST_CASE("losses at the tail are noted even if nothing follows", "[core]") {
  Box box(bounded(2, Overflow::reject, true));
  for (std::uint64_t seq = 1; seq <= 5; ++seq) {
    (void)box.push(Kind::publish, "a" + std::to_string(seq), &topic_a, seq, Overflow::drop_newest);
  }
  CHECK(box.take() == Texts{"a1", "a2", "gap 3-5 slow"});
}

TEST_CASE("two addresses that lose by turns have a note each", "[core]") {
  Box box(bounded(1, Overflow::reject, true));
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    (void)box.push(Kind::publish, "a", &topic_a, seq, Overflow::drop_oldest);
    (void)box.push(Kind::publish, "b", &topic_b, seq, Overflow::drop_oldest);
  }
  CHECK(box.take() == Texts{"gap 1-3 slow", "gap 1-2 slow", "b"});
}

TEST_CASE("direct mail is never evicted for a subscription", "[core]") {
  Box box(bounded(2, Overflow::reject, true));
  (void)box.push(Kind::send, "direct");
  for (std::uint64_t seq = 1; seq <= 3; ++seq) {
    (void)box.push(Kind::publish, "a" + std::to_string(seq), &topic_a, seq, Overflow::drop_oldest);
  }
  CHECK(box.take() == Texts{"direct", "gap 1-2 slow", "a3"});
}

TEST_CASE("a kicking overflow raises the signal that ends the session", "[core]") {
  Box box(bounded(1, Overflow::reject, true));
  (void)box.push(Kind::publish, "a1", &topic_a, 1, Overflow::kick);
  CHECK(box.push(Kind::publish, "a2", &topic_a, 2, Overflow::kick).verdict == PushVerdict::dropped);
  CHECK(has(box.mailbox.next({}).signals, Signal::kick));
}

TEST_CASE("the first push wakes the owner and no other does", "[core]") {
  Box box(bounded(10));
  CHECK_FALSE(box.push(Kind::send, "1").woke_owner);  // it is awake from its opening
  (void)box.take();
  REQUIRE(box.mailbox.try_sleep());
  CHECK(box.push(Kind::send, "2").woke_owner);
  CHECK_FALSE(box.push(Kind::send, "3").woke_owner);
  CHECK_FALSE(box.mailbox.try_sleep());
}

TEST_CASE("mail does not wake an owner that waits for a signal, and the signal does", "[core]") {
  Box box(bounded(10));
  box.mailbox.set_mail_wakes(false);
  REQUIRE(box.mailbox.try_sleep());
  CHECK_FALSE(box.push(Kind::send, "1").woke_owner);
  CHECK(box.mailbox.raise(Signal::restart, life));
  CHECK(has(box.mailbox.next({}).signals, Signal::restart));
}

TEST_CASE("an envelope for another life is refused and stays with the caller", "[core]") {
  Box box(bounded(10));
  EnvelopePtr envelope(new Envelope);
  const auto result = box.mailbox.push(envelope, life + 1);
  CHECK(result.why == Errc::no_actor);
  CHECK_FALSE(result.is_counted);
  CHECK(envelope != nullptr);
}

TEST_CASE("a closed mailbox gives back what was queued, in order", "[core]") {
  Box box(bounded(10));
  (void)box.push(Kind::send, "1");
  (void)box.push(Kind::timer, "t");
  (void)box.push(Kind::send, "2");
  const auto left = box.mailbox.close();
  REQUIRE(left.size() == 3);
  CHECK(left[1]->payload.text() == "t");
  CHECK(box.push(Kind::send, "3").why == Errc::stopping);
}

TEST_CASE("a mailbox whose owner runs or waits to run says so: nobody may adopt it", "[core]") {
  Home home;
  Mailbox mailbox;
  mailbox.open(1, {}, &home);
  const Home::Seizure seizure(home);
  CHECK_FALSE(mailbox.is_scheduled());
  CHECK(mailbox.post_at(home) == Mailbox::Posted::runs);
  CHECK(mailbox.is_scheduled());
  CHECK(mailbox.post_at(home) == Mailbox::Posted::is_known);
}

TEST_CASE("a message may pass a mailbox in which nothing waits, and is accepted and handled",
          "[core]") {
  Box box(bounded(2));
  REQUIRE(box.mailbox.begin_hearing(life));
  CHECK(box.mailbox.ledger().accepted == 1);
  CHECK(box.mailbox.ledger().handled == 1);
  CHECK(box.mailbox.is_consistent());
  box.mailbox.take_back_hearing();
  CHECK(box.mailbox.ledger().accepted == 0);
  CHECK(box.mailbox.ledger().handled == 0);
}

TEST_CASE("nothing passes mail, a running message, a signal, a closed door or another life",
          "[core]") {
  Box box(bounded(2));
  CHECK_FALSE(box.mailbox.begin_hearing(life + 1));
  (void)box.push(Kind::send, "data");
  CHECK_FALSE(box.mailbox.begin_hearing(life));
  const auto running = box.mailbox.next({}).envelope;
  CHECK_FALSE(box.mailbox.begin_hearing(life));
  box.mailbox.settle_handled();
  CHECK(box.mailbox.begin_hearing(life));
  (void)box.push(Kind::down, "control");
  CHECK_FALSE(box.mailbox.begin_hearing(life));
  (void)box.take();
  (void)box.mailbox.raise(Signal::stop, life);
  CHECK_FALSE(box.mailbox.begin_hearing(life));
  (void)box.mailbox.next({});
  box.mailbox.refuse_data(Errc::stopping);
  CHECK_FALSE(box.mailbox.begin_hearing(life));
  box.mailbox.welcome_data();
  CHECK(box.mailbox.begin_hearing(life));
  (void)box.mailbox.close();
  CHECK_FALSE(box.mailbox.begin_hearing(life));
}
