// The host's small parts by themselves: numbers, versions, loader messages, the door, outgoing
// bytes.
#include <atomic>
#include <compare>
#include <set>
#include <thread>

#include "daemon/plugin_host/catalog.hpp"
#include "daemon/plugin_host/door.hpp"
#include "daemon/plugin_host/library.hpp"
#include "daemon/plugin_host/outgoing.hpp"
#include "daemon/plugin_host/status.hpp"
#include "daemon/plugin_host/version.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {

TEST_CASE("every engine error has a status of its own and comes back from it", "[plugin_host]") {
  std::set<bs_status> seen;
  for (std::size_t i = 0; i < errc_count; ++i) {
    const auto code = static_cast<Errc>(i);
    CAPTURE(token(code));
    const auto status = status_of(code);
    CHECK(status < 0);
    CHECK(seen.insert(status).second);
    CHECK(errc_of(status) == code);
    CHECK(name_of(status) == token(code));
  }
  CHECK(errc_of(BS_E_FAIL) == Errc::actor_failed);
  CHECK(errc_of(BS_E_BUSY) == Errc::mailbox_full);
  CHECK(errc_of(-9999) == Errc::actor_failed);
  CHECK(name_of(BS_E_FAIL) == "fail");
  CHECK(name_of(-9999) == "unknown");
}

TEST_CASE("addresses hold an actor's id and nothing else makes one", "[plugin_host]") {
  const ActorId id{.slot = 7, .generation = 3};
  CHECK(unpack(pack(id)) == id);
  CHECK(unpack(bs_addr{}).is_nobody());
  auto made_up = pack(id);
  made_up.w[1] = 1;
  CHECK(unpack(made_up).is_nobody());
}

TEST_CASE("an orderly end is told as BS_OK, another as its status", "[plugin_host]") {
  for (const auto* reason : {"stopped", "drained", "killed", "disconnected", "passivated"}) {
    CHECK(status_of_down(reason) == BS_OK);
  }
  CHECK(status_of_down("failed") == BS_E_ACTOR_FAILED);
  CHECK(status_of_down("parked") == BS_E_PARKED);
  CHECK(status_of_down("no_actor") == BS_E_NO_ACTOR);
}

TEST_CASE("versions are ordered as people read them", "[plugin_host]") {
  const char* const ascending[] = {
      "0.9",        "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.2", "1.0.0-alpha.10",
      "1.0.0-beta", "1.0.0",       "1.0.1",         "1.2",           "1.10",
      "2.0~rc1",    "2.0",         "10.0"};
  for (std::size_t i = 0; i + 1 < std::size(ascending); ++i) {
    CAPTURE(ascending[i], ascending[i + 1]);
    CHECK(std::is_lt(compare_versions(ascending[i], ascending[i + 1])));
    CHECK(std::is_gt(compare_versions(ascending[i + 1], ascending[i])));
  }
  CHECK(std::is_eq(compare_versions("1.2", "1.2.0")));
  CHECK(std::is_eq(compare_versions("1.2+build7", "1.2+build8")));
  CHECK(std::is_eq(compare_versions("01.2", "1.2")));
}

TEST_CASE("the loader's messages become a cause and a fix", "[plugin_host]") {
  const struct {
    std::string_view message, code, cause;
  } rows[] = {
      {"/r/x.so: undefined symbol: _ZN3foo3barEv", "SYMBOL_MISSING", "foo::bar()"},
      {"/r/x.so: undefined symbol: deflate, version ZLIB_9", "SYMBOL_MISSING", "deflate"},
      {"libyaml.so.9: cannot open shared object file: No such file or directory", "LIBRARY_MISSING",
       "libyaml.so.9"},
      {"/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.99' not found (required by /r/x.so)",
       "LIBRARY_TOO_OLD", "GLIBC_2.99 of /lib/x86_64-linux-gnu/libc.so.6"},
      {"/r/x.so: cannot allocate memory in static TLS block", "STATIC_TLS", "thread-local"},
      {"/r/x.so: failed to map segment from shared object", "NOT_EXECUTABLE", "/r/x.so"},
      {"/r/x.so: something new", "LOAD_FAILED", "refuses it: something new"},
      {"", "LOAD_FAILED", "refuses it"},
  };
  for (const auto& row : rows) {
    const auto refusal = explain_load_error("plugins/x.so", "/r/x.so", row.message);
    CAPTURE(refusal.text());
    CHECK(refusal.code == row.code);
    CHECK(refusal.file == "plugins/x.so");
    CHECK(refusal.cause.find(row.cause) != std::string::npos);
    CHECK_FALSE(refusal.fix.empty());
  }
}

TEST_CASE("every code has a token of its own", "[plugin_host]") {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < code_count; ++i) {
    const auto name = token(static_cast<Code>(i));
    CHECK_FALSE(name.empty());
    CHECK(seen.insert(name).second);
  }
  for (std::size_t i = 0; i < plugin_gate::code_count; ++i) {
    CHECK(seen.insert(plugin_gate::token(static_cast<plugin_gate::Code>(i))).second);
  }
}

TEST_CASE("files are tried by name, but of one plugin the highest version first", "[plugin_host]") {
  const std::string files[] = {"a.so", "b.so", "c.so", "d.so"};
  plugin_gate::Manifest x1, y, x2, x1_again;
  x1.id = x2.id = x1_again.id = "x";
  x1.version = x1_again.version = "1.0";
  x2.version = "2.0";
  y.id = "y";
  y.version = "1.0";
  const Claim claims[] = {
      {&files[0], &x1}, {&files[1], &y}, {&files[2], &x2}, {&files[3], &x1_again}};
  CHECK(order_of(claims) == std::vector<std::size_t>{2, 0, 3, 1});
}

TEST_CASE("the door waits for who is inside and turns later ones away", "[plugin_host]") {
  Door door;
  std::atomic<bool> is_inside{false};
  std::atomic<bool> may_leave{false};
  std::atomic<bool> has_left{false};
  std::thread visitor([&] {
    const Door::Pass pass{door};
    is_inside = pass.is_inside();
    is_inside.notify_all();
    may_leave.wait(false);
    has_left = true;
  });
  is_inside.wait(false);
  std::thread releaser([&] {
    may_leave = true;
    may_leave.notify_all();
  });
  door.close();
  CHECK(has_left);
  visitor.join();
  releaser.join();
  const Door::Pass late{door};
  CHECK_FALSE(late.is_inside());
  door.close();
}

TEST_CASE("outgoing bytes are shared where there is a buffer and copied where not",
          "[plugin_host]") {
  std::byte* data = nullptr;
  PayloadBuffer* buffer = Payload::allocate(1000, &data);
  std::fill_n(data, 1000, std::byte{'b'});
  bs_out out{};
  out.buf = buf_of(buffer);
  out.body = {data, 1000};
  {
    const auto whole = message_of(&out);
    REQUIRE(whole);
    CHECK(whole->payload.data() == data);

    out.body = {data + 100, 200};
    auto part = message_of(&out);
    REQUIRE(part);
    CHECK(part->payload.data() == data + 100);
    CHECK(part->payload.size() == 200);
    buffer->unref();
    // The part keeps the whole alive.
    const Payload copy = part->payload;
    part->payload = Payload{};
    CHECK(copy.text() == std::string(200, 'b'));
  }
  const std::string text(500, 't');
  out = {};
  out.body = slice(text);
  const auto copied = message_of(&out);
  REQUIRE(copied);
  CHECK(copied->payload.text() == text);
  CHECK(static_cast<const void*>(copied->payload.data()) != text.data());

  const std::string large(payload_bytes_max + 1, 'l');
  out.body = slice(large);
  CHECK(message_of(&out).error() == Errc::too_large);
  out.body = {text.data(), payload_bytes_max};
  out.body.len = 0;
  CHECK(message_of(&out)->payload.empty());
  const std::string long_type(type_name_bytes_max + 1, 'x');
  out.type = slice(long_type);
  CHECK(message_of(&out).error() == Errc::bad_arg);
}

}  // namespace backstage::plugin_host::test
