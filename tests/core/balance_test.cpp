// The judgement of who is behind, without threads or time.
#include "core/balance.hpp"

#include <algorithm>
#include <cstdint>

#include "tests/support/catch.hpp"

using namespace backstage;

namespace {

// A worker with one cell that waits behind turns of a given length.
struct Busy {
  WorkerLoad load{.pushed = 1, .turns = 1};
  LoadWatch watch;
  std::uint64_t turns_a_look;

  explicit Busy(std::uint64_t turns) : turns_a_look(turns) { watch.look(load); }
  void look() {
    load.turns += turns_a_look;
    watch.look(load);
  }
  // Nothing within a thousand looks: never.
  std::uint32_t looks_until_behind(std::uint32_t patience) {
    for (std::uint32_t looks = 0; looks < 1000; ++looks) {
      if (watch.is_behind(patience)) return looks;
      look();
    }
    return 1000;
  }
};

}  // namespace

TEST_CASE("a worker is behind as soon as one waits behind a long turn") {
  CHECK(Busy(0).looks_until_behind(0) == 2);
}

TEST_CASE("a worker whose turns are some time long is behind after some looks") {
  CHECK(Busy(20).looks_until_behind(0) == 4);
}

TEST_CASE("a worker whose turns are short is behind only when one waits for long") {
  CHECK(Busy(2000).looks_until_behind(0) == 40);
}

TEST_CASE("a worker that nobody waits for is not behind, however long its turn") {
  WorkerLoad load;
  LoadWatch watch;
  for (int i = 0; i < 1000; ++i) watch.look(load);
  CHECK_FALSE(watch.is_behind(0));
}

TEST_CASE("a worker that keeps up is not behind, however many wait") {
  WorkerLoad load;
  LoadWatch watch;
  for (int i = 0; i < 1000; ++i) {
    load.popped = load.pushed;
    load.pushed += 5000;
    load.turns += 5000;
    watch.look(load);
    CHECK_FALSE(watch.is_behind(0));
  }
}

TEST_CASE("a worker is behind when the same one waits to begin, however many newer ones do") {
  WorkerLoad load;
  LoadWatch watch;
  for (std::uint32_t looks = 0; looks <= 4; ++looks) {
    CHECK_FALSE(watch.is_behind(0));
    load.pushed += 5000;
    load.popped += 4999;
    load.turns += 5000;
    load.oldest_beginner = 7;
    watch.look(load);
  }
  CHECK(watch.is_behind(0));
  CHECK_FALSE(watch.is_behind(5));
  load.oldest_beginner = 8;
  watch.look(load);
  CHECK_FALSE(watch.is_behind(0));
}

TEST_CASE("patience has all of them wait for longer, but not for ever") {
  const std::uint32_t patience = GENERATE(as<std::uint32_t>{}, 16, 100, Patience::looks_max);
  CHECK(Busy(0).looks_until_behind(patience) == patience);
  CHECK(Busy(20).looks_until_behind(patience) == patience);
  CHECK(Busy(2000).looks_until_behind(patience) == std::max(patience, 40U));
}

TEST_CASE("a worker that sends most of its messages afar is torn, one that sends a few is not") {
  LoadWatch watch;
  watch.look({.sent_afar = 5'000'000});
  watch.look({.sent_afar = 5'000'000 + LoadWatch::afar_a_look_max});
  CHECK_FALSE(watch.is_torn());
  watch.look({.sent_afar = 5'000'000 + 2 * LoadWatch::afar_a_look_max + 1});
  CHECK(watch.is_torn());
}

TEST_CASE("patience grows with each harm, up to its bound, and a good trial ends it") {
  Patience patience;
  CHECK(patience.looks() == 0);
  std::uint32_t expected = Patience::looks_min;
  for (int i = 0; i < 10; ++i) {
    patience.on_help();
    patience.on_look();
    patience.on_harm();
    patience.on_harm();
    CHECK(patience.looks() == expected);
    expected = std::min(expected * 2, Patience::looks_max);
  }
  // What is not helped says nothing of help.
  for (int i = 0; i < 1000; ++i) patience.on_look();
  CHECK(patience.looks() == Patience::looks_max);
  patience.on_help();
  for (std::uint32_t i = 0; i + 1 < Patience::trial_looks; ++i) patience.on_look();
  CHECK(patience.looks() == Patience::looks_max);
  patience.on_look();
  CHECK(patience.looks() == 0);
}
