// The promise of the message path: good SEND, REQ, PUB lines and their answers allocate nothing.
#include <cstdlib>
#include <new>

#include "tests/wire/wire_support.hpp"

namespace {
// Counts on the test's thread only.
thread_local std::size_t allocations = 0;

void* counted(std::size_t size) noexcept {
  ++allocations;
  return std::malloc(size);
}
}  // namespace

// All unaligned forms: AddressSanitizer's own do not call each other as libstdc++'s do.
void* operator new(std::size_t size) {
  if (void* block = counted(size)) return block;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }

namespace backstage::wire {
namespace {

template <class Act>
std::size_t allocations_of(Act act) {
  const std::size_t before = allocations;
  act();
  return allocations - before;
}

TEST_CASE("decoding a good SEND REQ PUB or GET allocates nothing", "[wire]") {
  for (const auto* line :
       {"SEND counter", "SEND book:BTC-USD id=123456789 type=delta.with.a.long.name from=meter-7",
        "REQ counter id=9 ttl=250 type=add",
        "PUB feed/flight.departures.of.a.long.name id=7 type=departure retain=1", "GET a/b id=3",
        "PING 17", "REP 31 type=price"}) {
    CAPTURE(line);
    bool good = false;
    const auto count = allocations_of([&] {
      const std::string_view frame(line);
      const auto message = split({&frame, 1});
      good = message && decode(message->control).has_value();
    });
    CHECK(good);
    CHECK(count == 0);
  }
}

TEST_CASE("encoding into a warm buffer allocates nothing", "[wire]") {
  std::string out;
  out.reserve(control_bytes_max);
  const auto count = allocations_of([&out] {
    encode(out, Ok{.id = id_max, .n = 3, .full = 0});
    encode(out, Msg{.sub = 1, .address = "a/b", .seq = 7, .sender = "a", .type = "t", .rid = 3});
    encode(out, Rep{.id = 3, .type = "t"});
    encode(out, Err{.id = 3, .status = status(Errc::mailbox_full), .retry_ms = 50});
    encode(out, PubHeader{.address = "a/b", .seq = 7, .epoch = "e", .sender = "a"});
  });
  CHECK(count == 0);
}

TEST_CASE("the counter of this test sees an allocation", "[wire]") {
  CHECK(allocations_of([] { static_cast<void>(decode("SUB " + std::string(60, 'a'))); }) > 0);
}

}  // namespace
}  // namespace backstage::wire
