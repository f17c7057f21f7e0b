// A handler that does not return: killed, the actor is abandoned and its name is free.
#include <future>

#include "core/worker_pool.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/live.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// Waits for a line of the record; a deadline that only a hang would reach.
class Notices final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view, std::string_view) noexcept override {}
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override { ++letters; }
  void abandoned(ActorId, std::string_view) noexcept override { was_abandoned.set_value(); }
  void ended(ActorId, std::string_view name, EndReason reason) noexcept override {
    if (name == "hung" && reason == EndReason::killed) has_ended.set_value();
  }
  std::promise<void> was_abandoned;
  std::promise<void> has_ended;
  std::atomic<int> letters{0};
};

bool comes(std::future<void> what) {
  return what.wait_for(std::chrono::seconds(60)) == std::future_status::ready;
}

class Hanging final : public Actor {
 public:
  Hanging(std::shared_future<void> release, std::promise<void>& in_handler)
      : release_(std::move(release)), in_handler_(in_handler) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.payload.text() != "hang") return Handled::done;
    if (!context.set_timer(Duration{1})) return std::unexpected(Failure{"no timer"});
    in_handler_.set_value();
    release_.wait();
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  std::shared_future<void> release_;
  std::promise<void>& in_handler_;
};

class HangingFactory final : public ActorFactory {
 public:
  HangingFactory(std::shared_future<void> release, std::promise<void>& in_handler)
      : release_(std::move(release)), in_handler_(in_handler) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<Hanging>(release_, in_handler_);
  }

 private:
  std::shared_future<void> release_;
  std::promise<void>& in_handler_;
};

}  // namespace

TEST_CASE("a killed actor whose handler does not return is abandoned and its name is free",
          "[core][threads]") {
  std::promise<void> release;
  std::promise<void> in_handler;
  MonotonicClock clock;
  WorkerPool pool(clock);
  NoFaults faults;
  Notices notices;
  Engine engine({clock, pool, pool, faults, notices}, {});
  pool.start(2, [&](TimePoint now) { return engine.fire_due(now); });
  ActorType type;
  type.name = "t";
  type.factory = std::make_shared<HangingFactory>(release.get_future().share(), in_handler);
  const auto added = engine.add_type(std::move(type));
  REQUIRE(added);
  const auto hung = engine.spawn({.type = "t", .name = "hung"});
  REQUIRE(hung);
  REQUIRE(engine.send("hung", {{}, Payload("hang")}));
  REQUIRE(engine.send("hung", {{}, Payload("left behind")}));
  REQUIRE(comes(in_handler.get_future()));
  // Its timer too: that is nobody's message, and becomes no letter.
  REQUIRE(comes_true([&] { return engine.stats().ledger.queued == 2; }));
  REQUIRE(engine.stop(hung->id, StopVerb::stop, 1ms));
  REQUIRE(comes(notices.was_abandoned.get_future()));
  const auto heir = engine.spawn({.type = "t", .name = "hung"});
  REQUIRE(heir);
  CHECK_FALSE(heir->existed);
  CHECK(heir->id != hung->id);
  CHECK(engine.send(hung->id, {}).error() == Errc::stopping);
  CHECK(engine.send("hung", {{}, Payload("hello")}));
  release.set_value();
  CHECK(comes(notices.has_ended.get_future()));
  // By another thread, which told of the abandoning first.
  CHECK(comes_true([&] { return notices.letters == 1; }));
  CHECK(engine.letter_counts(DeadCause::stopped).buried == 1);
  pool.stop();
  CHECK(engine.stats().ledger.is_balanced());
}
