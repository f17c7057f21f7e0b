// A living actor's self gives way to another: wholly or not at all, with nothing of its mail lost.
#include <algorithm>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/succession.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// Of a clerk, all that a test wants to know: which version handled what.
struct Office {
  std::vector<std::string> done;  // "1: letter"
  std::vector<std::string> ends;
  std::function<void(Context&)> on_message;
};

class Clerk final : public Actor {
 public:
  Clerk(Office& office, int version, int count) noexcept
      : office_(office), version_(version), count_(count) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (office_.on_message) office_.on_message(context);
    const std::string text(envelope.payload.text());
    office_.done.push_back(std::to_string(version_) + ": " + text);
    ++count_;
    if (text == "fail") return std::unexpected(Failure{"asked to"});
    return text == "stop" ? Handled::stop : Handled::done;
  }
  void ended(Context&, EndReason reason) noexcept override {
    office_.ends.push_back(std::to_string(version_) + ": " + std::string(token(reason)));
  }
  [[nodiscard]] int count() const noexcept { return count_; }

 private:
  Office& office_;
  const int version_;
  int count_;
};

class Clerks final : public ActorFactory {
 public:
  Clerks(Office& office, int version) noexcept : office_(office), version_(version) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<Clerk>(office_, version_, 0);
  }

 private:
  Office& office_;
  const int version_;
};

// Hands the count over, or refuses as told.
class Handover final : public Succession {
 public:
  Handover(Office& office, int version) noexcept : office_(office), version_(version) {}
  std::expected<Heir, Hindrance> heir_of(Context& context, Actor& present,
                                         std::string_view) override {
    if (on_make) on_make(context);
    if (throws) throw std::runtime_error("the state is torn");
    if (refusal) return std::unexpected(*refusal);
    counts.push_back(static_cast<Clerk&>(present).count());
    return Heir{std::make_unique<Clerk>(office_, version_, counts.back()), is_fresh};
  }
  void depart(Context& context, Actor& former) noexcept override {
    departed += context.name().empty() ? 0 : static_cast<Clerk&>(former).count() + 1;
  }
  void settled(ActorId, const std::optional<Hindrance>& why) noexcept override {
    outcomes.push_back(why ? why->reason : "done");
    was_busy = why && why->is_busy;
  }

  std::function<void(Context&)> on_make;
  bool throws = false;
  bool is_fresh = false;
  std::optional<Hindrance> refusal;
  std::vector<int> counts;
  std::vector<std::string> outcomes;
  int departed = 0;
  bool was_busy = false;

 private:
  Office& office_;
  const int version_;
};

using Lines = std::vector<std::string>;

struct Ministry {
  Ministry() {
    CHECK(stage.engine.add_type(clerk_type(1)));
    id = stage.spawn("clerk", "anna");
  }
  ActorType clerk_type(int version) {
    ActorType type;
    type.name = "clerk";
    type.factory = std::make_shared<Clerks>(office, version);
    return type;
  }
  std::shared_ptr<Handover> replace(int version) {
    auto handover = std::make_shared<Handover>(office, version);
    next = std::make_shared<const ActorType>(clerk_type(version));
    CHECK(stage.engine.replace_type(next));
    return handover;
  }
  Result<void> succeed(const std::shared_ptr<Handover>& handover,
                       SuccessionTime when = SuccessionTime::behind_mail) {
    return stage.engine.succeed(id, handover, next, when);
  }
  void send(std::string_view text) { CHECK(stage.send("anna", text)); }

  Office office;
  Stage stage;
  ActorId id;
  ActorTypePtr next;
};

}  // namespace

TEST_CASE("an actor's new self takes its state and goes on with its mail") {
  Ministry ministry;
  ministry.send("a");
  CHECK(ministry.stage.settle());
  const auto handover = ministry.replace(2);
  ministry.send("b");
  REQUIRE(ministry.succeed(handover));
  ministry.send("c");
  CHECK(handover->outcomes.empty());
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a", "1: b", "2: c"});
  CHECK(handover->counts == std::vector{2});
  CHECK(handover->outcomes == Lines{"done"});
  CHECK(handover->departed == 3);
  CHECK(ministry.office.ends.empty());
  CHECK(ministry.stage.engine.find("anna") == ministry.id);
  CHECK(ministry.stage.ledger().is_balanced());
}

TEST_CASE("a refused succession changes nothing") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  const bool is_busy = GENERATE(false, true);
  handover->refusal = Succession::Hindrance{"not now", is_busy};
  REQUIRE(ministry.succeed(handover));
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a"});
  CHECK(handover->outcomes == Lines{"not now"});
  CHECK(handover->was_busy == is_busy);
  handover->refusal.reset();
  REQUIRE(ministry.succeed(handover));
  ministry.send("b");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a", "2: b"});
  CHECK(ministry.stage.ledger().is_balanced());
}

TEST_CASE("an exception while the heir is made leaves the present self") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  handover->throws = true;
  REQUIRE(ministry.succeed(handover));
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a"});
  CHECK(handover->outcomes == Lines{"the state is torn"});
}

TEST_CASE("an actor that was asked and fails comes back as a self of the new type") {
  Ministry ministry;
  ministry.send("fail");
  const auto handover = ministry.replace(2);
  REQUIRE(ministry.succeed(handover));
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(handover->outcomes.empty());
  ministry.stage.advance(std::chrono::seconds(1));
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done.back() == "2: a");
  CHECK(handover->outcomes == Lines{"done"});
  CHECK(handover->counts.empty());
}

TEST_CASE("a self that fails after its succession is made anew from the new type") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  REQUIRE(ministry.succeed(handover));
  ministry.send("fail");
  ministry.send("a");
  CHECK(ministry.stage.settle());
  ministry.stage.advance(std::chrono::seconds(1));
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done.back() == "2: a");
  CHECK(ministry.office.ends == Lines{"2: failed"});
}

TEST_CASE("one that ends before its turn settles what was expected of it") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  ministry.send("stop");
  REQUIRE(ministry.succeed(handover));
  CHECK(ministry.stage.settle());
  CHECK(handover->outcomes == Lines{"it ended before its turn"});
  CHECK(ministry.office.ends == Lines{"1: stopped"});
  CHECK(ministry.stage.ledger().is_balanced());
}

TEST_CASE("a later succession takes the place of one that has not happened") {
  Ministry ministry;
  const auto second = ministry.replace(2);
  const auto second_type = ministry.next;
  const auto third = ministry.replace(3);
  REQUIRE(
      ministry.stage.engine.succeed(ministry.id, second, second_type, SuccessionTime::behind_mail));
  REQUIRE(ministry.succeed(third));
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(second->outcomes == Lines{"a newer one came"});
  CHECK(third->outcomes == Lines{"done"});
  CHECK(ministry.office.done == Lines{"3: a"});
}

TEST_CASE("nobody succeeds the dead, clients and strangers") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  const ActorId stranger{.slot = 77, .generation = 1};
  CHECK(ministry.stage.engine.succeed(stranger, handover, ministry.next, SuccessionTime::next_turn)
            .error() == Errc::no_actor);
  ministry.send("stop");
  CHECK(ministry.stage.settle());
  CHECK(ministry.succeed(handover).error() == Errc::no_actor);
  CHECK(handover->outcomes.empty());
}

TEST_CASE(
    "a replaced type is what new spawns get, and a type that is not there cannot be replaced") {
  Ministry ministry;
  (void)ministry.replace(2);
  (void)ministry.stage.spawn("clerk", "ben");
  CHECK(ministry.stage.send("ben", "a"));
  ministry.send("b");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"2: a", "1: b"});
  auto unknown = ministry.clerk_type(3);
  unknown.name = "unknown";
  const auto type = std::make_shared<const ActorType>(std::move(unknown));
  CHECK(ministry.stage.engine.replace_type(type).error() == Errc::no_type);
}

TEST_CASE("a succession of the next turn comes before the mail that waits") {
  Ministry ministry;
  CHECK(ministry.stage.settle());
  const auto handover = ministry.replace(2);
  ministry.send("a");
  REQUIRE(ministry.succeed(handover, SuccessionTime::next_turn));
  ministry.send("b");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"2: a", "2: b"});
  CHECK(handover->outcomes == Lines{"done"});
  CHECK(ministry.stage.ledger().is_balanced());
}

TEST_CASE("a succession that is called off does not happen") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  const auto other = std::make_shared<Handover>(ministry.office, 3);
  REQUIRE(ministry.succeed(handover));
  ministry.stage.engine.call_off(ministry.id, *other);
  CHECK(handover->outcomes.empty());
  ministry.stage.engine.call_off(ministry.id, *handover);
  ministry.stage.engine.call_off(ministry.id, *handover);
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a"});
  CHECK(handover->outcomes == Lines{"it was called off"});
}

TEST_CASE("one that is parked changes its type at once, and comes back as that") {
  Ministry ministry;
  while (ministry.stage.send("anna", "fail")) {
    CHECK(ministry.stage.settle());
    ministry.stage.advance(std::chrono::seconds(1));
    CHECK(ministry.stage.settle());
  }
  const auto handover = ministry.replace(2);
  REQUIRE(ministry.succeed(handover, SuccessionTime::next_turn));
  CHECK(ministry.stage.settle());
  CHECK(handover->outcomes == Lines{"done"});
  REQUIRE(ministry.stage.engine.unpark(ministry.id));
  CHECK(ministry.stage.settle());
  ministry.send("a");
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done.back() == "2: a");
  CHECK(ministry.stage.engine.actors_of(*ministry.next) == std::vector{ministry.id});
}

TEST_CASE("timers set while a self was made end with it, those that handlers set go to the heir") {
  Ministry ministry;
  const bool is_fresh = GENERATE(false, true);
  const auto first = ministry.replace(2);
  first->on_make = [&](Context& context) {
    CHECK(context.set_timer(std::chrono::seconds(1), std::chrono::seconds(1)));
  };
  REQUIRE(ministry.succeed(first));
  CHECK(ministry.stage.settle());
  CHECK(ministry.stage.engine.stats().timers == 1);
  ministry.office.on_message = [](Context& context) {
    CHECK(context.set_timer(std::chrono::seconds(60), {}));
  };
  ministry.send("arm");
  CHECK(ministry.stage.settle());
  CHECK(ministry.stage.engine.stats().timers == 2);
  const auto second = ministry.replace(3);
  second->is_fresh = is_fresh;
  second->on_make = first->on_make;
  REQUIRE(ministry.succeed(second));
  CHECK(ministry.stage.settle());
  CHECK(ministry.stage.engine.stats().timers == (is_fresh ? 1 : 2));
}

TEST_CASE("what a failing heir has taken hold of is let go") {
  Ministry ministry;
  const auto handover = ministry.replace(2);
  std::optional<ActorId> child;
  handover->on_make = [&](Context& context) {
    CHECK(context.set_timer(std::chrono::seconds(1), std::chrono::seconds(1)));
    CHECK(context.subscribe(Pattern::parse("radio/news").value()));
    const auto spawned = context.spawn({.type = "clerk", .name = "child", .as_child = true});
    REQUIRE(spawned);
    child = spawned->id;
  };
  handover->refusal = Succession::Hindrance{"the state is older than I can read"};
  REQUIRE(ministry.succeed(handover));
  CHECK(ministry.stage.settle());
  CHECK(handover->outcomes == Lines{"the state is older than I can read"});
  CHECK(ministry.stage.engine.stats().timers == 0);
  CHECK(ministry.stage.engine.stats().subscriptions == 0);
  CHECK_FALSE(ministry.stage.engine.find("child"));
  ministry.send("a");
  ministry.stage.advance(std::chrono::seconds(3));
  CHECK(ministry.stage.settle());
  CHECK(ministry.office.done == Lines{"1: a"});
  CHECK(ministry.stage.ledger().is_balanced());
}
