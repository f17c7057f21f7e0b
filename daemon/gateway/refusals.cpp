#include "daemon/gateway/refusals.hpp"

namespace backstage::gateway {
namespace {

// A full mailbox of an actor that works is emptied in less: 16,384 messages of 3 us each.
constexpr std::uint64_t mailbox_retry_ms = 50;
// Memory comes back as messages are handled: about as fast, but for everybody at once.
constexpr std::uint64_t memory_retry_ms = 100;
// Places, names and tables are given back when somebody else ends or lets go, and nothing tells
// when. A second is too short to be a wait for people and too long to be a flood.
constexpr std::uint64_t place_retry_ms = 1'000;

}  // namespace

std::optional<std::uint64_t> retry_hint(wire::Status status) noexcept {
  if (status == wire::status(Errc::parked)) return std::nullopt;
  if (status == wire::status(Errc::mailbox_full)) return mailbox_retry_ms;
  if (status == wire::status(Errc::no_memory)) return memory_retry_ms;
  if (status.number == 429 || status.number == 503) return place_retry_ms;
  return std::nullopt;
}

void count_refusal(Counters& counters, wire::Status status) noexcept {
  if (const auto errc = wire::find_errc(status.token)) {
    counters.refused[static_cast<std::size_t>(*errc)].add();
    return;
  }
  for (std::size_t i = 0; i < wire::wire_errc_count; ++i) {
    if (wire::status(static_cast<wire::WireErrc>(i)) == status) {
      counters.refused_by_wire[i].add();
      return;
    }
  }
}

}  // namespace backstage::gateway
