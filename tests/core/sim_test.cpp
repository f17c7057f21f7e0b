// The engine under seeds: random verbs, random order of turns, random faults; the invariants hold.
#include <sstream>

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

constexpr int actors = 6;

// One run: actors that send, ask, publish, fail and stop by dice.
class Run {
 public:
  explicit Run(std::uint64_t seed) : random_(seed) {
    stage_.executor.shuffle(random_);
    ActorType settings;
    settings.mailbox.data_messages_max = 4 + dice(12);
    settings.overflow = static_cast<Overflow>(dice(4));
    stage_.type(
        "t", [this](Context& context, const Envelope& e) { return act(context, e); }, settings);
    REQUIRE(stage_.engine.add_activation(
        {"a{1}", "t", *Pattern::parse("feed/*"), dice(2) == 0 ? Duration{} : Duration(5s), 0, ""}));
  }

  void play(int steps) {
    stage_.executor.come_home();
    for (int i = 0; i < steps; ++i) {
      const auto name = "a" + std::to_string(dice(actors));
      switch (dice(8)) {
        case 0:
          (void)stage_.publish("feed/" + std::to_string(dice(actors)), "p", dice(2) == 0);
          break;
        case 1:
          stage_.advance(std::chrono::milliseconds(dice(500)));
          break;
        case 2:
          if (const auto id = stage_.engine.find(name); id && dice(4) == 0) {
            (void)stage_.engine.stop(*id, static_cast<StopVerb>(dice(3)));
          }
          break;
        case 3:
          stage_.faults.fail(static_cast<FaultSite>(dice(6)));
          break;
        default:
          (void)stage_.send(name, std::to_string(++outside_sent_[name]));
      }
      for (auto turns = dice(3); turns > 0; --turns) stage_.step();
    }
  }

  void check_end() {
    stage_.advance(1min);
    const Ledger ledger = stage_.ledger();
    CHECK(ledger.is_balanced());
    CHECK(ledger.running == 0);
    CHECK(order_broken_ == 0);
    CHECK(ended_twice_ == 0);
    stage_.engine.close_intake();
    stage_.engine.stop_all();
    stage_.settle();
    CHECK(stage_.engine.hosted_actors() == 0);
    CHECK(stage_.ledger().is_balanced());
    CHECK(stage_.ledger().queued == 0);
    CHECK(stage_.engine.stats().subscriptions == 0);
    CHECK(stage_.engine.stats().timers == 0);
  }

  [[nodiscard]] std::string fingerprint() const {
    std::ostringstream text;
    for (const auto& line : stage_.record.lines) text << line << '\n';
    const Ledger ledger = stage_.ledger();
    text << ledger.accepted << ' ' << ledger.handled << ' ' << ledger.dead_lettered;
    return text.str();
  }

 private:
  std::uint32_t dice(std::uint32_t sides) { return static_cast<std::uint32_t>(random_() % sides); }

  Outcome act(Context& context, const Envelope& envelope) {
    if (envelope.kind == Kind::reply) note_end(context.self(), envelope.request);
    if (envelope.kind == Kind::send && envelope.sender_name.text() == "test") {
      // Stop and restart lose no order: numbers from outside rise for every actor name.
      auto& last = last_seen_[std::string(context.name())];
      const auto number = std::stoull(std::string(envelope.payload.text()));
      if (number <= last) ++order_broken_;
      last = number;
    }
    switch (dice(12)) {
      case 0:
        return std::unexpected(Failure{"dice"});
      case 1:
        return dice(4) == 0 ? Handled::stop : Handled::done;
      case 2:
        (void)context.publish("out", {{}, Payload("x")}, {dice(2) == 0});
        break;
      case 3:
        if (const auto id = context.resolve("a" + std::to_string(dice(actors)))) {
          (void)context.request(*id, {"ask", {}}, std::chrono::milliseconds(1 + dice(300)));
        }
        break;
      case 4:
        (void)context.set_timer(std::chrono::milliseconds(dice(100)));
        break;
      case 5:
        (void)context.subscribe(*Pattern::parse(dice(2) == 0 ? "*/out" : "a1/>"),
                                {Overflow::reject, dice(2) == 0});
        break;
      case 6:
        if (const auto id = stage_.engine.find("a" + std::to_string(dice(actors)))) {
          (void)context.monitor(*id);
        }
        break;
      case 7: {
        const auto child = "kid" + std::to_string(dice(3));
        (void)context.spawn({.type = "t", .name = child, .as_child = true});
        break;
      }
      default:
        if (envelope.kind == Kind::request) {
          (void)context.reply(envelope.request_ref(), {{}, Payload("r")});
        }
    }
    return Handled::done;
  }

  void note_end(ActorId who, RequestId id) {
    if (!ended_.insert({who, id}).second) ++ended_twice_;
  }

  std::mt19937_64 random_;
  Stage stage_;
  std::map<std::string, std::uint64_t> outside_sent_;
  std::map<std::string, std::uint64_t> last_seen_;
  std::set<RequestRef> ended_;
  int order_broken_ = 0;
  int ended_twice_ = 0;
};

}  // namespace

TEST_CASE("the ledger closes and order holds whatever the schedule and the faults", "[core][sim]") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Run run(seed);
    run.play(200);
    run.check_end();
  }
}

TEST_CASE("the same seed gives the same run", "[core][sim]") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Run one(seed);
    Run two(seed);
    one.play(200);
    two.play(200);
    CHECK(one.fingerprint() == two.fingerprint());
  }
}
