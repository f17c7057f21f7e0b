// Supervisor: orders for its children, by strategy; pure, one event at a time.
#include "core/supervisor.hpp"

#include "tests/support/catch.hpp"

using namespace backstage;
using Verb = Order::Verb;

namespace {

constexpr ActorId a{1, 1};
constexpr ActorId b{2, 1};
constexpr ActorId c{3, 1};
constexpr TimePoint now{1h};

Supervision policy(Strategy strategy, std::uint32_t intensity = 3) {
  Supervision supervision;
  supervision.strategy = strategy;
  supervision.intensity = intensity;
  return supervision;
}

// Three children that run.
Supervisor three(Restart restart_of_b = Restart::transient) {
  Supervisor supervisor;
  supervisor.add(a, Restart::transient);
  supervisor.add(b, restart_of_b);
  supervisor.add(c, Restart::permanent);
  for (const ActorId child : {a, b, c}) CHECK(supervisor.on_started(child).empty());
  return supervisor;
}

}  // namespace

TEST_CASE("one_for_one makes only the failed child anew", "[core][supervisor]") {
  auto supervisor = three();
  CHECK(supervisor.on_failed(b, policy(Strategy::one_for_one), now) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_started(b).empty());
}

TEST_CASE("one_for_all takes the others down youngest first and all up oldest first",
          "[core][supervisor]") {
  auto supervisor = three();
  CHECK(supervisor.on_failed(b, policy(Strategy::one_for_all), now) == Orders{{Verb::recycle, c}});
  CHECK(supervisor.on_down(c) == Orders{{Verb::recycle, a}});
  CHECK(supervisor.on_down(a) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_started(a) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_started(b) == Orders{{Verb::restart, c}});
  CHECK(supervisor.on_started(c).empty());
}

TEST_CASE("rest_for_one leaves the older siblings alone", "[core][supervisor]") {
  auto supervisor = three();
  CHECK(supervisor.on_failed(b, policy(Strategy::rest_for_one), now) == Orders{{Verb::recycle, c}});
  CHECK(supervisor.on_down(c) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_started(b) == Orders{{Verb::restart, c}});
  CHECK(supervisor.on_started(c).empty());
}

TEST_CASE("a child that starts before its turn to fall is made anew all the same",
          "[core][supervisor]") {
  Supervisor supervisor;
  for (const ActorId child : {a, b, c}) supervisor.add(child, Restart::transient);
  CHECK(supervisor.on_started(b).empty());
  CHECK(supervisor.on_started(c).empty());
  CHECK(supervisor.on_failed(c, policy(Strategy::one_for_all), now) == Orders{{Verb::recycle, b}});
  CHECK(supervisor.on_started(a).empty());
  CHECK(supervisor.on_down(b) == Orders{{Verb::recycle, a}});
  CHECK(supervisor.on_down(a) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_started(a) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_started(b) == Orders{{Verb::restart, c}});
  CHECK(supervisor.on_started(c).empty());
}

TEST_CASE("a temporary sibling is stopped for good in a group restart", "[core][supervisor]") {
  auto supervisor = three(Restart::temporary);
  CHECK(supervisor.on_failed(a, policy(Strategy::one_for_all), now) == Orders{{Verb::recycle, c}});
  CHECK(supervisor.on_down(c) == Orders{{Verb::stop, b}});
  CHECK(supervisor.on_gone(b) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_started(a) == Orders{{Verb::restart, c}});
  CHECK_FALSE(supervisor.has(b));
}

TEST_CASE("a child that fails on its way down is down, and that is no second failure",
          "[core][supervisor]") {
  auto supervisor = three();
  const auto strict = policy(Strategy::one_for_all, 1);
  CHECK(supervisor.on_failed(b, strict, now) == Orders{{Verb::recycle, c}});
  CHECK(supervisor.on_failed(c, strict, now) == Orders{{Verb::recycle, a}});
}

TEST_CASE("a child whose new self fails in a group restart begins the group anew",
          "[core][supervisor]") {
  auto supervisor = three();
  const auto all = policy(Strategy::one_for_all);
  CHECK(supervisor.on_failed(c, all, now) == Orders{{Verb::recycle, b}});
  CHECK(supervisor.on_down(b) == Orders{{Verb::recycle, a}});
  CHECK(supervisor.on_down(a) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_started(a) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_failed(b, all, now) == Orders{{Verb::recycle, a}});
  CHECK(supervisor.on_down(a) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_started(a) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_started(b) == Orders{{Verb::restart, c}});
}

TEST_CASE("a group restart goes on without a child that ends or is detached meanwhile",
          "[core][supervisor]") {
  auto supervisor = three();
  CHECK(supervisor.on_failed(a, policy(Strategy::one_for_all), now) == Orders{{Verb::recycle, c}});
  CHECK(supervisor.on_gone(b).empty());
  CHECK(supervisor.on_gone(c) == Orders{{Verb::restart, a}});
  CHECK(supervisor.children() == std::vector{a});
}

TEST_CASE("failures of all children count together, and too many escalate", "[core][supervisor]") {
  auto supervisor = three();
  const auto two = policy(Strategy::one_for_one, 2);
  CHECK(supervisor.on_failed(a, two, now) == Orders{{Verb::restart, a}});
  CHECK(supervisor.on_failed(b, two, now) == Orders{{Verb::restart, b}});
  CHECK(supervisor.on_failed(c, two, now) == Orders{{Verb::escalate, c}});
  supervisor.clear();
  CHECK(supervisor.empty());
}

TEST_CASE("failures older than the period are forgotten", "[core][supervisor]") {
  auto supervisor = three();
  const auto one = policy(Strategy::one_for_one, 1);
  TimePoint at = now;
  for (int i = 0; i < 20; ++i, at += one.period + 1ns) {
    CHECK(supervisor.on_failed(a, one, at) == Orders{{Verb::restart, a}});
  }
}

TEST_CASE("what strangers are said to do is nothing to a supervisor", "[core][supervisor]") {
  auto supervisor = three();
  constexpr ActorId stranger{9, 9};
  CHECK(supervisor.on_failed(stranger, policy(Strategy::one_for_all), now).empty());
  CHECK(supervisor.on_down(stranger).empty());
  CHECK(supervisor.on_started(stranger).empty());
  CHECK(supervisor.on_gone(stranger).empty());
}
