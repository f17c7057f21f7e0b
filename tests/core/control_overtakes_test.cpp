// The control reserve through the engine: a real down, reply, timer, started and interest at an
// actor whose mailbox is full; a stop and a kill.
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

constexpr std::array policies{Overflow::reject, Overflow::drop_newest, Overflow::drop_oldest,
                              Overflow::conflate};

// An actor that stands still in its handler of "hold" while the test fills its mailbox and makes
// every kind of control happen to it.
class Scene {
 public:
  Scene(const MailboxLimits& limits, Overflow policy, std::size_t bytes)
      : policy_(policy), bytes_(bytes) {
    ActorType settings;
    settings.mailbox = limits;
    settings.overflow = policy;
    held = stage.type(
        "held",
        [this](Context& context, const Envelope& envelope) -> Outcome {
          if (envelope.kind == Kind::send && is_holding_) {
            is_holding_ = false;
            hold(context);
          }
          return Handled::done;
        },
        settings);
    held->create = [](Context& context) -> Outcome {
      CHECK(context.subscribe(*Pattern::parse("feed/*")));
      CHECK(context.watch_interest("news"));
      return Handled::done;
    };
    stage.type("other", [this](Context& context, const Envelope& envelope) -> Outcome {
      if (envelope.kind == Kind::request) asked_ = envelope.request_ref();
      if (envelope.kind == Kind::send) CHECK(context.reply(asked_, {}));
      return Handled::done;
    });
    other_ = stage.spawn("other", "other");
    server_ = stage.spawn("other", "server");
    client_ = &stage.client("client", std::make_shared<Script>());
    id = stage.spawn("held", "held");
    CHECK(stage.send("held", "hold"));
  }

  // What stands in the mailbox behind the held message, as it was handled.
  [[nodiscard]] Texts handled() const {
    Texts all;
    for (std::size_t i = 1; i < held->got.size(); ++i) {
      const Got& got = held->got[i];
      all.push_back(is_data(got.kind) ? got.text.substr(0, 1) : std::string(name_of(got.kind)));
    }
    return all;
  }

  Stage stage;
  std::shared_ptr<Script> held;
  ActorId id;
  std::optional<StopVerb> ends_with;

 private:
  void hold(Context& context) {
    CHECK(context.monitor(other_));
    CHECK(context.request(server_, {}));
    CHECK(context.set_timer(1ms));
    offer("1", "x");
    offer("2", "y");
    CHECK(stage.engine.stop(other_, StopVerb::stop));
    stage.settle();
    offer("3", "x");
    CHECK(stage.send("server", "answer now"));
    stage.settle();
    offer("4", "y");
    stage.clock.set(stage.clock.now() + 1ms);
    (void)stage.engine.fire_due(stage.clock.now());
    CHECK(context.spawn({.type = "other", .name = "young", .tell_started = true}));
    stage.settle();
    CHECK(stage.engine.context_of(*client_).subscribe(*Pattern::parse("held/news")));
    offer("5", "x");
    if (ends_with) CHECK(stage.engine.stop(id, *ends_with));
  }
  // Direct mail; under conflate, where only publishes give way, on one of two addresses.
  void offer(std::string text, std::string_view topic) {
    text.resize(bytes_, '.');
    if (policy_ != Overflow::conflate) {
      (void)stage.send("held", text);
    } else {
      CHECK(stage.publish("feed/" + std::string(topic), text));
    }
  }

  Overflow policy_;
  std::size_t bytes_;
  bool is_holding_ = true;
  RequestRef asked_;
  ActorId other_;
  ActorId server_;
  Cell* client_ = nullptr;
};

// Room for two messages, by number, by bytes and by both; and the bytes of one.
constexpr std::array<std::pair<MailboxLimits, std::size_t>, 3> scenes{
    {{{2, 1U << 20U}, 4}, {{1'000, 800}, 400}, {{2, 800}, 400}}};

}  // namespace

TEST_CASE("whatever fills a mailbox, down, reply, timer, started and interest reach their actor",
          "[core]") {
  const Texts older{"1", "2", "down", "reply", "timer", "started", "interest"};
  const Texts newer{"down", "reply", "4", "timer", "started", "interest", "5"};
  for (const auto& [limits, bytes] : scenes) {
    for (const Overflow policy : policies) {
      CAPTURE(limits.data_messages_max, limits.data_bytes_max, static_cast<int>(policy));
      Scene scene(limits, policy, bytes);
      CHECK(scene.stage.settle());
      const bool keeps_newer = policy == Overflow::drop_oldest || policy == Overflow::conflate;
      CHECK(scene.handled() == (keeps_newer ? newer : older));
      CHECK(scene.stage.ledger().is_balanced());
    }
  }
}

TEST_CASE("stop and kill overtake a full mailbox within the turn in which they come", "[core]") {
  for (const auto& [limits, bytes] : scenes) {
    for (const Overflow policy : policies) {
      for (const StopVerb verb : {StopVerb::stop, StopVerb::kill}) {
        CAPTURE(limits.data_messages_max, static_cast<int>(policy), static_cast<int>(verb));
        Scene scene(limits, policy, bytes);
        scene.ends_with = verb;
        scene.stage.step();  // the turn that handles "hold"
        CHECK_FALSE(scene.stage.engine.find("held"));
        CHECK(scene.handled().empty());
        const auto why = verb == StopVerb::stop ? EndReason::stopped : EndReason::killed;
        CHECK(scene.held->ends == std::vector{why});
        CHECK(scene.stage.settle());
        CHECK(scene.stage.ledger().dead_lettered == 2);
        CHECK(scene.stage.ledger().queued == 0);
        CHECK(scene.stage.ledger().is_balanced());
      }
    }
  }
}
