// HELLO: open a session, under a name if the client wants one.
#include <fmt/core.h>

#include "daemon/gateway/handlers.hpp"
#include "daemon/gateway/random.hpp"

namespace backstage::gateway {
namespace {

constexpr std::size_t token_digits = 32;  // 128 bits: not to be guessed

std::string_view first(const std::vector<std::string>& endpoints) noexcept {
  return endpoints.empty() ? std::string_view{} : std::string_view{endpoints.front()};
}

}  // namespace

void handle_hello(Session& session, const wire::Hello& hello) {
  const House& house = session.house;
  if (session.has_cell() && !hello.name.empty() && hello.name != session.name()) {
    const auto text = fmt::format(
        "this connection's session is {} already; send HELLO name= first on a connection, or BYE "
        "before it",
        session.name());
    return session.refuse(hello.id, Errc::bad_arg, text);
  }
  if (!session.has_cell()) {
    const auto opened = session.open(hello.name);
    if (!opened) return session.refuse(hello.id, opened.error());
  }
  session.set_verbose(hello.verbose);
  session.set_one_frame(hello.one_frame);
  const std::string token = random_hex(token_digits);
  session.say(wire::Welcome{.version = hello.version,
                            .name = session.name(),
                            .session = token,
                            .epoch = house.options.epoch,
                            .last_id = 0,
                            .max_payload = house.options.limits.payload_bytes_max,
                            .window = 0,
                            .pub = first(house.endpoints.pub),
                            .ingest = first(house.endpoints.ingest)});
}

}  // namespace backstage::gateway
