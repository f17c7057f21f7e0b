// The public face: each verb does its one thing, then runs the engine until it is quiet.
#include <fmt/format.h>

#include <limits>
#include <map>
#include <utility>

#include "backstage/testkit.hpp"
#include "plugins/testkit/cast.hpp"
#include "plugins/testkit/troupe.hpp"

namespace backstage::testkit {
namespace {

constexpr std::string_view tester_name = "test";
constexpr std::string_view ear_name = "test.ear";
// Turns in one call; more is a circle of actors that keep each other busy.
constexpr int turns_max = 1'000'000;

}  // namespace

const mail& answer::get() const {
  if (!is_here()) {
    throw failure("no_answer", "the request has no answer yet; does it need time to pass?");
  }
  return **place_;
}

const std::string& answer::must() const {
  const mail& got = get();
  if (!got.error.empty()) throw failure(got.error, "the request was refused: " + got.body);
  return got.body;
}

struct stage::impl {
  explicit impl(std::uint64_t seed)
      : executor(seed),
        engine({clock, executor, alarm, faults, witness, seed}, limits),
        cast(engine, executor),
        troupe(engine, clock, [this](Duration time) { advance(time); }) {
    cast.add(tester_name);
    cast.add(ear_name);
    settle();
  }
  ~impl() {
    try {
      engine.stop_all();
      // Those that do not stop by themselves are killed at their deadline.
      advance(std::chrono::minutes{10});
    } catch (const failure& restless) {
      // The plugin host pins the code of actors that never rest; the test is over all the same.
      witness.failures.push_back({"", restless.what()});
    }
  }
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  void settle() {
    for (int turns = 0; turns < turns_max; ++turns) {
      if (!executor.run_one()) return;
    }
    throw failure(
        "never_quiet",
        fmt::format("after {} turns actors still have messages for each other", turns_max));
  }
  void advance(Duration time) {
    const TimePoint end = clock.now() + time;
    settle();
    for (TimePoint next = engine.fire_due(clock.now()); next <= end;
         next = engine.fire_due(clock.now())) {
      settle();
      clock.set(next);
      (void)engine.fire_due(clock.now());
      settle();
    }
    clock.set(end);
    settle();
  }
  [[nodiscard]] Role& sender(std::string_view from) const {
    return cast.role(from.empty() ? tester_name : from);
  }

  VirtualClock clock;
  SeededExecutor executor;
  NoAlarm alarm;
  NoFaults faults;
  Witness witness;
  Limits limits;
  Engine engine;
  Cast cast;
  Troupe troupe;
};

stage::stage(std::uint64_t seed) : impl_(std::make_unique<impl>(seed)) {}
stage::~stage() = default;

void stage::load(const std::string& file) { impl_->troupe.load(file); }
void stage::load(const bs_plugin* (*entry)(const bs_api*), std::string_view config) {
  impl_->troupe.load(entry, config);
}
void stage::configure(std::string_view plugin_id, std::string_view config) {
  impl_->troupe.configure(plugin_id, config);
}

std::string stage::spawn(std::string_view type, std::string_view name, std::string_view config) {
  const std::size_t failed_before = impl_->witness.failures.size();
  taken(impl_->engine.spawn({.type = type, .name = name, .config = config}),
        fmt::format("the spawn of {} as a {}", name, type));
  impl_->settle();
  const auto& failed = impl_->witness.failures;
  for (std::size_t i = failed_before; i < failed.size(); ++i) {
    if (failed[i].actor != name) continue;
    throw failure("actor_failed", fmt::format("{} could not be made: {}", name, failed[i].reason));
  }
  return std::string{name};
}

void stage::stop(std::string_view actor) {
  const std::string what = fmt::format("the stop of {}", actor);
  const ActorId id = taken(impl_->engine.find(actor), what);
  taken(impl_->engine.stop(id, StopVerb::stop), what);
  impl_->settle();
}

std::string stage::phase(std::string_view actor) const {
  for (const auto& known : impl_->engine.actors()) {
    if (known.name == actor) return known.phase;
  }
  return "gone";
}

void stage::stub(std::string_view name, handler react) {
  impl_->cast.add(name, std::move(react));
  impl_->settle();
}

std::vector<mail> stage::received(std::string_view stub) const {
  return impl_->cast.role(stub).got;
}

void stage::send(std::string_view to, std::string_view type, std::string_view body,
                 std::string_view from) {
  auto context = impl_->cast.context(impl_->sender(from));
  taken(context.send(to, {type, Payload{body}}), fmt::format("the message to {}", to));
  impl_->settle();
}

answer stage::request(std::string_view to, std::string_view type, std::string_view body,
                      milliseconds timeout, std::string_view from) {
  Role& asker = impl_->sender(from);
  auto context = impl_->cast.context(asker);
  const std::string what = fmt::format("the request to {}", to);
  const ActorId target = taken(context.resolve(to), what);
  auto place = std::make_shared<std::optional<mail>>();
  const RequestId id =
      taken(context.request(target, {type, Payload{body}}, Duration{timeout}), what);
  asker.asked.emplace(id, place);
  impl_->settle();
  return answer{std::move(place)};
}

std::string stage::ask(std::string_view to, std::string_view type, std::string_view body) {
  return request(to, type, body).must();
}

void stage::publish(std::string_view address, std::string_view type, std::string_view body) {
  const std::string what = fmt::format("the publish on {}", address);
  const Address place = taken(Address::parse(address), what);
  taken(impl_->engine.publish(place, {type, Payload{body}}, place.actor()), what);
  impl_->settle();
}

void stage::advance(std::chrono::nanoseconds time) {
  impl_->advance(time);
  impl_->troupe.look();
  impl_->settle();
}

milliseconds stage::now() const {
  return std::chrono::duration_cast<milliseconds>(impl_->clock.now() - VirtualClock::start);
}

void stage::subscribe(std::string_view pattern) {
  const std::string what = fmt::format("the subscription to {}", pattern);
  auto context = impl_->cast.context(impl_->cast.role(ear_name));
  taken(context.subscribe(taken(Pattern::parse(pattern), what)), what);
  impl_->settle();
}

std::vector<mail> stage::published(std::string_view address) const {
  std::vector<mail> found;
  for (const auto& got : impl_->cast.role(ear_name).got) {
    // Patterns that overlap bring a message once each.
    const bool is_new = found.empty() || found.back().seq != got.seq;
    if (got.address == address && is_new) found.push_back(got);
  }
  return found;
}

std::vector<mail> stage::inbound() const { return impl_->cast.role(tester_name).got; }

std::optional<std::string> stage::retained(std::string_view address) const {
  const Address place = taken(Address::parse(address), fmt::format("the look at {}", address));
  const auto value = impl_->engine.retained(place);
  if (!value) return std::nullopt;
  return std::string{value->payload.text()};
}

std::vector<dead_letter> stage::dead_letters() const {
  std::vector<dead_letter> all;
  for (const auto& letter : impl_->engine.dead_letters()) {
    all.push_back({std::string{token(letter.cause)}, letter.target, letter.reason, letter.type,
                   std::string{letter.payload.text()}});
  }
  return all;
}

std::vector<log_line> stage::logs() const { return impl_->troupe.script().lines(); }
std::vector<failed_turn> stage::failures() const { return impl_->witness.failures; }
std::optional<double> stage::metric(std::string_view name) const {
  return impl_->troupe.metric(name);
}

}  // namespace backstage::testkit
