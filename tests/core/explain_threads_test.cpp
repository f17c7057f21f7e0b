// Explain, replay and the dead letters while real threads handle, fail and drop: nothing stops, the
// answers are of the messages asked for, and the ledger closes. For ThreadSanitizer above all.
#include <array>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"

namespace backstage::test {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> clerks{"a", "b", "c"};

ActorType hasty() {
  ActorType type;
  type.supervision.backoff_min = type.supervision.backoff_max = 0ms;
  type.supervision.intensity = 1'000'000;
  return type;
}

// Asks about each message once it is sent, as an operator's tool would; counts what it hears.
struct Asker {
  void ask(Engine& engine, MessageId id) {
    const auto facts = engine.explain(id);
    const auto state = static_cast<std::size_t>(facts.state);
    ++heard.at(state);
    is_right = is_right && facts.id == id && facts.state != MessageFacts::State::never_given &&
               (facts.letter == nullptr || facts.letter->id == id);
  }
  std::array<std::uint64_t, 7> heard{};
  bool is_right = true;
};

}  // namespace

TEST_CASE("what is asked of a busy engine is answered rightly and stops nobody") {
  Live live(2);
  add_type(
      live.engine, "clerk",
      [](Context& context, const Envelope& envelope) -> Outcome {
        if (envelope.payload.text() == "bad") return std::unexpected(Failure{"it is bad"});
        (void)context.publish("done", {{}, Payload("x")});
        return Handled::done;
      },
      hasty());
  for (const auto clerk : clerks) {
    REQUIRE(live.engine.spawn({.type = "clerk",
                               .name = clerk,
                               .mailbox = MailboxLimits{8, 1000},
                               .overflow = Overflow::drop_oldest}));
  }
  std::atomic<bool> is_over{false};
  std::array<Asker, 2> askers;
  std::thread operator_thread([&] {
    while (!is_over) {
      for (const auto clerk : clerks) {
        (void)live.engine.explain(clerk);
        (void)live.engine.explain(*Address::join(clerk, "done"));
      }
      (void)live.engine.replay({.target = "a"});
      (void)live.engine.drop_letters({.target = "b"});
      (void)live.engine.dead_letters({});
    }
  });
  std::array<std::thread, 2> senders;
  for (std::size_t who = 0; who < senders.size(); ++who) {
    senders.at(who) = std::thread([&, who] {
      for (int i = 0; i < 3000; ++i) {
        const auto sent = live.engine.send(clerks.at(static_cast<std::size_t>(i) % 3),
                                           {{}, Payload(i % 50 == 0 ? "bad" : "good")}, "test");
        if (sent) askers.at(who).ask(live.engine, *sent);
      }
    });
  }
  for (auto& sender : senders) sender.join();
  is_over = true;
  operator_thread.join();
  for (const auto& asker : askers) CHECK(asker.is_right);
  REQUIRE(comes_true([&] {
    const auto ledger = live.engine.stats().ledger;
    return ledger.queued == 0 && ledger.running == 0;
  }));
  const auto ledger = live.engine.stats().ledger;
  CHECK(ledger.is_balanced());
  const auto counts = live.engine.letter_counts(DeadCause::failed);
  CHECK(counts.buried == ledger.dead_lettered);
  CHECK(counts.buried == counts.kept + counts.fell_out + counts.replayed + counts.dropped);
}

}  // namespace backstage::test
