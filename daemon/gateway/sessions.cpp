#include "daemon/gateway/sessions.hpp"

#include <algorithm>
#include <utility>

#include "daemon/transport/random.hpp"

namespace backstage::gateway {
namespace {

Session::Token new_token() {
  Session::Token token{};
  std::ranges::copy(transport::random_hex(token.size()), token.begin());
  return token;
}

}  // namespace

std::expected<void, wire::Status> Sessions::open(std::string_view name, Connection& route) {
  if (size() >= house_.options.limits.sessions_max) {
    return std::unexpected(wire::status(wire::WireErrc::sessions_full));
  }
  auto session = std::make_unique<Session>(house_, route, new_token());
  if (const auto opened = session->open(name); !opened) {
    return std::unexpected(wire::status(opened.error()));
  }
  by_token_.insert(std::move(session));
  return {};
}

Session* Sessions::find_for(std::string_view token, const Peer& peer) const {
  const auto found = by_token_.find(token);
  if (found == by_token_.end() || !(*found)->may_be_resumed_by(peer)) return nullptr;
  return found->get();
}

void Sessions::on_time(TimePoint now) {
  while (due() <= now) {
    house_.counters.resume_expired.add();
    detached_.begin()->second->end(EndReason::disconnected);
  }
}

void Sessions::end_detached() {
  while (!detached_.empty()) detached_.begin()->second->end(EndReason::shutdown);
}

void Sessions::forget_over() {
  for (const Session* session : std::exchange(house_.over, {})) {
    by_token_.erase(by_token_.find(session->token()));
  }
}

bool Sessions::has_cells() const {
  return std::any_of(by_token_.begin(), by_token_.end(),
                     [](const auto& entry) { return entry->has_cell(); });
}

}  // namespace backstage::gateway
