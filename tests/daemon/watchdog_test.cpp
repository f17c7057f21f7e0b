// The watchdog's decision: a clock and signs of life in the test's hands.
#include "daemon/crash/watchdog.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace backstage::crash {
namespace {

using namespace std::chrono_literals;
using Names = std::vector<std::string_view>;

// Two parts; time goes on by looks, as the daemon would make them.
struct Kennel {
  TimePoint now{1h};
  Vital loop;
  Vital pool;
  Watchdog watchdog{
      8s, {{"loop", [this] { return loop; }}, {"pool", [this] { return pool; }}}, now};
  int feeds = 0;
  Names stalled;
  Names recovered;

  // Looks for so long; a part that `advances` is seen to at each.
  void pass(Duration time, bool loop_advances = true, bool pool_advances = true) {
    for (const TimePoint end = now + time; now < end;) {
      now += 1s;
      loop.progress += loop_advances ? 1U : 0U;
      pool.progress += pool_advances ? 1U : 0U;
      const auto verdict = watchdog.look(now);
      feeds += verdict.feed ? 1 : 0;
      stalled.insert(stalled.end(), verdict.stalled.begin(), verdict.stalled.end());
      recovered.insert(recovered.end(), verdict.recovered.begin(), verdict.recovered.end());
    }
  }
};

}  // namespace

TEST_CASE("while everything advances it is fed at half of the interval", "[watchdog]") {
  Kennel kennel;
  kennel.loop.is_wanted = kennel.pool.is_wanted = true;
  kennel.pass(3s);
  CHECK(kennel.feeds == 0);
  kennel.pass(1s);
  CHECK(kennel.feeds == 1);
  kennel.pass(80s);
  CHECK(kennel.feeds == 21);
  CHECK(kennel.stalled.empty());
  CHECK(kennel.watchdog.next_look() == kennel.now + 1s);
}

TEST_CASE("a part that has nothing to do may rest for ever", "[watchdog]") {
  Kennel kennel;
  kennel.pass(80s, false, false);
  CHECK(kennel.feeds == 20);
  CHECK(kennel.stalled.empty());
}

TEST_CASE("a wanted part that stands still ends the feeding and is named once", "[watchdog]") {
  Kennel kennel;
  kennel.loop.is_wanted = kennel.pool.is_wanted = true;
  kennel.pass(4s);
  REQUIRE(kennel.feeds == 1);
  kennel.pass(80s, true, false);
  CHECK(kennel.feeds == 1);
  CHECK(kennel.stalled == Names{"pool"});
  CHECK(kennel.recovered.empty());
}

TEST_CASE("it is fed at once when what stood still goes on", "[watchdog]") {
  Kennel kennel;
  kennel.loop.is_wanted = kennel.pool.is_wanted = true;
  kennel.pass(10s, true, false);
  const int before = kennel.feeds;
  kennel.pass(1s);
  CHECK(kennel.feeds == before + 1);
  CHECK(kennel.stalled == Names{"pool"});
  CHECK(kennel.recovered == Names{"pool"});
}

TEST_CASE("it starves until the last of several parts goes on", "[watchdog]") {
  Kennel kennel;
  kennel.loop.is_wanted = kennel.pool.is_wanted = true;
  kennel.pass(10s, false, false);
  CHECK(kennel.stalled == Names{"loop", "pool"});
  kennel.pass(10s, true, false);
  CHECK(kennel.feeds == 0);
  CHECK(kennel.recovered == Names{"loop"});
  kennel.pass(1s);
  CHECK(kennel.feeds == 1);
}

TEST_CASE("a part that has just got something to do has half of the interval for it",
          "[watchdog]") {
  Kennel kennel;
  // It rested, with the same count, for long.
  kennel.pass(20s, true, false);
  const int before = kennel.feeds;
  kennel.pool.is_wanted = true;
  kennel.pass(3s, true, false);
  CHECK(kennel.stalled.empty());
  kennel.pass(1s, true, false);
  CHECK(kennel.stalled == Names{"pool"});
  // What it was fed on the way leaves the manager with an interval that began before the stall.
  CHECK(kennel.feeds <= before + 1);
  // Done, or gone: nothing is wanted of it any more.
  kennel.pool.is_wanted = false;
  kennel.pass(1s, true, false);
  CHECK(kennel.recovered == Names{"pool"});
}

TEST_CASE("the interval is the manager's, if it is meant for this process", "[watchdog]") {
  CHECK(watchdog_interval("30000000", nullptr, 7) == Duration(30s));
  CHECK(watchdog_interval("1", "7", 7) == Duration(1us));
  for (const char* usec : {"", "0", "-5", "soon", "1s", " 1", "99999999999999999999"}) {
    CAPTURE(std::string(usec));
    CHECK(watchdog_interval(usec, nullptr, 7) == std::nullopt);
  }
  CHECK(watchdog_interval(nullptr, nullptr, 7) == std::nullopt);
  CHECK(watchdog_interval("30000000", "8", 7) == std::nullopt);
  CHECK(watchdog_interval("30000000", "", 7) == std::nullopt);
  CHECK(watchdog_interval("9000000000000000000", nullptr, 7) == Duration(1h));
}

}  // namespace backstage::crash
