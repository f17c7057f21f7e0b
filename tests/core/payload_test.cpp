// Payloads: inline, shared, adopted.
#include <string>

#include "core/values/payload.hpp"
#include "tests/support/catch.hpp"

using namespace backstage;

TEST_CASE("a payload gives back its bytes whatever their number", "[core]") {
  for (const std::size_t size : {0U, 1U, 63U, 64U, 65U, 4095U, 4096U, 1U << 20U}) {
    const std::string bytes(size, 'x');
    const Payload payload(bytes);
    Payload copy = payload;
    const Payload moved = std::move(copy);
    CHECK(moved.text() == bytes);
    CHECK(payload.text() == bytes);
  }
}

TEST_CASE("a large payload is shared by its copies and a small one is not", "[core]") {
  const Payload large(std::string(65, 'x'));
  // NOLINTNEXTLINE(performance-unnecessary-copy-initialization): the copy is what is tested
  const Payload same = large;
  CHECK(large.data() == same.data());
  CHECK(Payload("small").buffer() == nullptr);
}

TEST_CASE("an adopted buffer is released once, by its last owner", "[core]") {
  static int released = 0;
  released = 0;
  auto* buffer = new PayloadBuffer;
  static const std::byte bytes[3]{};
  buffer->data = bytes;
  buffer->size = 3;
  buffer->release = [](PayloadBuffer* mine) noexcept {
    ++released;
    delete mine;
  };
  {
    const Payload first = Payload::adopt(buffer);
    Payload second = first;
    second = Payload("else");
    CHECK(released == 0);
  }
  CHECK(released == 1);
}

TEST_CASE("assigning a payload to itself keeps it", "[core]") {
  Payload payload(std::string(100, 'y'));
  auto& same = payload;
  payload = same;
  CHECK(payload.size() == 100);
}
