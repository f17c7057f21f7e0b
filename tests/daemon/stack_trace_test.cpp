// Stacks of other threads: names of functions, blocked or busy; calls that go on; threads that
// cannot be looked at.
#include "daemon/crash/stack_trace.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <csignal>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "daemon/crash/symbols.hpp"
#include "tests/support/catch.hpp"

namespace backstage::crash {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 30s;
constexpr std::size_t bytes_max = 4000;

struct Door {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;

  void open() {
    const std::lock_guard lock(mutex);
    is_open = true;
    changed.notify_all();
  }
  [[nodiscard]] bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, [this] { return is_open; });
  }
};

// Named, and called for: what the traces must show.
[[gnu::noinline]] void waits_at_a_door(Door& entered, Door& door) {
  entered.open();
  (void)door.wait();
  // Keeps the call from becoming the function's tail, which would take its frame.
  asm volatile("");
}

[[gnu::noinline]] void burns_the_processor(Door& entered, const std::atomic<bool>& is_over) {
  entered.open();
  while (!is_over.load(std::memory_order_relaxed)) {
  }
  asm volatile("");
}

std::string trace(const StackTracer& tracer, std::thread& thread) {
  const auto frames = tracer.capture(thread.native_handle(), patience);
  if (!frames) return frames.error();
  return stack_text(*frames, bytes_max);
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a thread that waits is traced to the function that waits", "[stack]") {
  const StackTracer tracer;
  Door entered;
  Door door;
  std::thread thread([&] { waits_at_a_door(entered, door); });
  REQUIRE(entered.wait());
  const auto text = trace(tracer, thread);
  CHECK(contains(text, "waits_at_a_door("));
  // None of the tracer's own frames.
  CHECK_FALSE(contains(text, "on_signal"));
  door.open();
  thread.join();
}

TEST_CASE("a thread that burns the processor is traced, as often as one asks", "[stack]") {
  const StackTracer tracer;
  Door entered;
  std::atomic<bool> is_over{false};
  std::thread thread([&] { burns_the_processor(entered, is_over); });
  REQUIRE(entered.wait());
  for (int i = 0; i < 20; ++i) {
    const auto text = trace(tracer, thread);
    CAPTURE(text);
    CHECK(contains(text, "burns_the_processor("));
  }
  is_over = true;
  thread.join();
}

TEST_CASE("a system call that is traced goes on", "[stack]") {
  const StackTracer tracer;
  std::array<int, 2> ends{};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  Door entered;
  ssize_t got = -1;
  char byte = 0;
  std::thread thread([&] {
    entered.open();
    got = ::read(ends[0], &byte, 1);
  });
  REQUIRE(entered.wait());
  for (int i = 0; i < 5; ++i) CHECK(tracer.capture(thread.native_handle(), patience));
  REQUIRE(::write(ends[1], "x", 1) == 1);
  thread.join();
  CHECK(got == 1);
  CHECK(byte == 'x');
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_CASE("a thread that blocks signals is given up, and what comes late does no harm", "[stack]") {
  const StackTracer tracer;
  Door entered;
  Door door;
  Door unblocked;
  Door last;
  std::thread thread([&] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    entered.open();
    (void)door.wait();
    // Here the signals of the captures that were given up arrive.
    StackTracer::admit_this_thread();
    waits_at_a_door(unblocked, last);
  });
  REQUIRE(entered.wait());
  // More than there is memory for at one time: what is given up is free again.
  for (int i = 0; i < 20; ++i) {
    const auto refused = tracer.capture(thread.native_handle(), 1ms);
    REQUIRE_FALSE(refused);
    CHECK(contains(refused.error(), "did not take the signal"));
  }
  door.open();
  REQUIRE(unblocked.wait());
  CHECK(contains(trace(tracer, thread), "waits_at_a_door("));
  last.open();
  thread.join();
}

TEST_CASE("a stack cut short says so", "[stack]") {
  const StackTracer tracer;
  Door entered;
  Door door;
  std::thread thread([&] { waits_at_a_door(entered, door); });
  REQUIRE(entered.wait());
  const auto frames = tracer.capture(thread.native_handle(), patience);
  REQUIRE(frames);
  CHECK(frames->size() > 3);
  const auto text = stack_text(*frames, 60);
  CHECK(text.size() <= 60);
  CHECK(text.ends_with(" < ..."));
  door.open();
  thread.join();
}

TEST_CASE("addresses outside of every function keep their number", "[stack]") {
  const Symbols symbols;
  CHECK(symbols.name_of(nullptr) == "0x0");
  const int local = 0;
  CHECK(symbols.name_of(&local).starts_with("0x"));
  // An exported function of a library that has no symbol table of its own.
  CHECK(contains(symbols.name_of(reinterpret_cast<const void*>(&::getpid)), "getpid"));
}

}  // namespace backstage::crash
