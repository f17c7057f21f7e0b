// Topics on real threads: what a subscriber sees stays whole however publishes and subscribes meet.
#include <array>
#include <atomic>
#include <mutex>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;

namespace {

// Collects what is posted, from any thread; the test runs it when the threads are done.
class LatePoster final : public Executor {
 public:
  void post(Cell& cell) noexcept override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(&cell);
  }
  void run() {
    while (!posted_.empty()) {
      Cell* cell = posted_.back();
      posted_.pop_back();
      while (cell->drain()) continue;
    }
  }

 private:
  std::mutex mutex_;
  std::vector<Cell*> posted_;
};

struct Theatre {
  explicit Theatre(const Limits& limits = {})
      : engine({clock, poster, alarm, faults, record}, limits) {}
  // A client with its script, ready to subscribe.
  struct Guest {
    std::shared_ptr<Script> script;
    Cell* cell = nullptr;
  };
  Guest guest(const std::string& name) {
    auto script = std::make_shared<Script>();
    auto cell = engine.attach(name, std::make_unique<ScriptedActor>(script), poster,
                              {{}, Overflow::reject, true});
    if (!cell) throw std::logic_error("the name is held");
    poster.run();
    return {script, *cell};
  }
  ManualClock clock;
  ManualAlarm alarm;
  NoFaults faults;
  Record record;
  LatePoster poster;
  Engine engine;
};

constexpr std::array<const char*, 3> addresses{"feed/a", "feed/b", "feed/c"};

// Every publish is retained, so what a guest has of an address is the whole of it from some number
// on: the value before as a snapshot (unless there was none), then each number once.
bool is_whole(const Script& script, const std::string& address, std::uint64_t last) {
  std::uint64_t next = 1;
  bool is_first = true;
  for (const auto& got : script.got) {
    if (got.kind != Kind::publish || got.address != address) continue;
    if (got.is_snapshot && !is_first) return false;
    if (!got.is_snapshot && got.seq != next) return false;
    next = got.seq + 1;
    is_first = false;
  }
  return next == last + 1;
}

}  // namespace

TEST_CASE("snapshot and live messages meet without gap or double on threads", "[core][threads]") {
  constexpr int rounds = 20;
  constexpr std::size_t publishes = 300;
  constexpr std::size_t guests = 24;
  for (int round = 0; round < rounds; ++round) {
    Theatre theatre;
    std::vector<Theatre::Guest> all;
    all.reserve(guests);
    for (std::size_t i = 0; i < guests; ++i) all.push_back(theatre.guest("g" + std::to_string(i)));
    std::vector<std::thread> threads;
    threads.reserve(4);
    for (int publisher = 0; publisher < 2; ++publisher) {
      threads.emplace_back([&] {
        for (std::size_t i = 0; i < publishes; ++i) {
          const auto address = Address::parse(addresses[i % addresses.size()]);
          (void)theatre.engine.publish(*address, {{}, Payload("x")}, "test", {true});
        }
      });
    }
    for (std::size_t half = 0; half < 2; ++half) {
      threads.emplace_back([&, half] {
        for (std::size_t i = half; i < guests; i += 2) {
          auto context = theatre.engine.context_of(*all[i].cell);
          const SubscribeOptions options{Overflow::reject, true};
          if (i % 4 < 2) {
            (void)context.subscribe(*Pattern::parse("*/*"), options);
            continue;
          }
          for (const auto* address : addresses) {
            (void)context.subscribe(*Pattern::parse(address), options);
          }
        }
      });
    }
    for (auto& thread : threads) thread.join();
    theatre.poster.run();
    for (const auto* address : addresses) {
      const auto last = theatre.engine.retained(*Address::parse(address))->seq;
      CHECK(last == 2 * publishes / addresses.size());
      for (const auto& guest : all) CHECK(is_whole(*guest.script, address, last));
    }
    CHECK(theatre.engine.stats().ledger.is_balanced());
  }
}

TEST_CASE("a value that is retained while somebody subscribes reaches it, once",
          "[core][threads]") {
  constexpr std::uint32_t rounds = 5'000;
  Theatre theatre({.subscriptions_per_actor_max = rounds});
  const auto guest = theatre.guest("g");
  // Both come to a round before either begins it.
  std::array<std::atomic<std::uint32_t>, 2> at{};
  const auto meet = [&at](std::size_t me, std::uint32_t round) {
    at[me].store(round, std::memory_order_release);
    while (at[1 - me].load(std::memory_order_acquire) < round) std::this_thread::yield();
  };
  std::thread publisher([&] {
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      const auto address = Address::parse("feed/" + std::to_string(i));
      meet(0, i);
      (void)theatre.engine.publish(*address, {{}, Payload("x")}, "test", {true});
    }
  });
  std::thread subscriber([&] {
    auto context = theatre.engine.context_of(*guest.cell);
    for (std::uint32_t i = 1; i <= rounds; ++i) {
      const auto pattern = Pattern::parse("*/" + std::to_string(i));
      meet(1, i);
      (void)context.subscribe(*pattern, {Overflow::reject, true});
    }
  });
  publisher.join();
  subscriber.join();
  theatre.poster.run();
  std::set<std::string> seen;
  for (const auto& got : guest.script->got) seen.insert(got.address);
  CHECK(guest.script->got.size() == rounds);
  CHECK(seen.size() == rounds);
}

TEST_CASE("first and last interest are told in turn on threads", "[core][threads]") {
  constexpr int rounds = 500;
  Theatre theatre;
  const auto feed = theatre.guest("feed");
  REQUIRE(theatre.engine.context_of(*feed.cell).watch_interest(">"));
  std::vector<Theatre::Guest> all;
  all.reserve(3);
  for (int i = 0; i < 3; ++i) all.push_back(theatre.guest("g" + std::to_string(i)));
  std::vector<std::thread> threads;
  threads.reserve(all.size());
  for (const auto& guest : all) {
    threads.emplace_back([&theatre, &guest] {
      auto context = theatre.engine.context_of(*guest.cell);
      for (int i = 0; i < rounds; ++i) {
        const auto subscribed = context.subscribe(*Pattern::parse("feed/a"));
        if (subscribed) (void)context.unsubscribe(subscribed->id);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  theatre.poster.run();
  bool has_interest = false;
  int broken = 0;
  for (const auto& got : feed.script->got) {
    if (has_interest == (got.seq == 1)) ++broken;
    has_interest = got.seq == 1;
  }
  CHECK(feed.script->got.size() >= 2);
  CHECK(broken == 0);
  CHECK_FALSE(has_interest);
}
