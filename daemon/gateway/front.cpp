#include "daemon/gateway/front.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "daemon/gateway/refusals.hpp"
#include "daemon/wire/decode.hpp"
#include "daemon/wire/encode.hpp"
#include "daemon/wire/line.hpp"

namespace backstage::gateway {
namespace {

using namespace std::chrono_literals;

constexpr Duration tick_interval = 1s;
// Of clients' turns, before the sockets are looked at again.
constexpr Duration turn_time = 1ms;

constexpr std::string_view own_routing_id =
    "this connection has set a ZMQ_ROUTING_ID of its own, and is not served: do not set it; a name "
    "is had by HELLO name=";

}  // namespace

Front::Front(const House& house)
    : house_(house), pub_(house_), ingest_(house_), next_tick_(house.clock.now() + tick_interval) {
  house_.pub = &pub_;
}

Front::~Front() = default;

Result<void> Front::open() {
  if (house_.endpoints.pub.empty()) return {};
  return pub_.open();
}

Session* Front::find(PeerId peer) const {
  const auto found = sessions_.find(peer);
  return found == sessions_.end() ? nullptr : found->second.get();
}

void Front::on_message(const Peer& peer, InMessage& message) {
  if (is_stopping_) return;
  if (peer.chose_routing_id) {
    if (refused_.insert(peer.id).second) {
      house_.counters.refused_peers.add();
      house_.events.peer_refused(peer.id, own_routing_id);
    }
    return refuse_peer(peer, message, wire::status(Errc::bad_arg), own_routing_id);
  }
  Session* session = find(peer.id);
  if (session == nullptr) {
    if (sessions_.size() >= house_.options.limits.sessions_max) {
      if (refused_.insert(peer.id).second) {
        house_.counters.sessions_refused.add();
        house_.events.peer_refused(peer.id, wire::sentence(wire::WireErrc::sessions_full));
      }
      return refuse_peer(peer, message, wire::status(wire::WireErrc::sessions_full), {});
    }
    session =
        sessions_.emplace(peer.id, std::make_unique<Session>(house_, peer)).first->second.get();
  }
  session->on_message(message);
  // So that a name is free, and the connection ready, before the next message.
  if (session->state() == Session::State::ending) (void)turn();
}

// An answer to a connection that gets no session.
void Front::refuse_peer(const Peer& peer, InMessage& message, wire::Status status,
                        std::string_view text) {
  count_refusal(house_.counters, status);
  const auto frames = message.frames();
  const auto id = frames.empty() ? 0 : wire::find_id(frames[0].substr(0, frames[0].find('\n')));
  if (id == 0 && peer.kind != SocketKind::req &&
      ++plain_refusals_ > house_.options.limits.plain_errors_per_second) {
    house_.counters.err0_suppressed.add();
    return;
  }
  std::string line;
  wire::encode(line, wire::Err{.id = id, .status = status});
  const std::array<OutFrame, 2> out{OutFrame{line}, OutFrame{text}};
  const auto sent = house_.transport.send(peer.id, std::span(out).first(text.empty() ? 1 : 2));
  if (sent == SendResult::gone) refused_.erase(peer.id);
}

void Front::on_writable(PeerId peer) {
  if (Session* session = find(peer)) session->on_writable();
}

void Front::on_gone(PeerId peer) {
  refused_.erase(peer);
  if (Session* session = find(peer)) session->on_gone();
}

void Front::on_filter(std::string_view filter, bool is_added) { pub_.on_filter(filter, is_added); }

void Front::on_ingest(InMessage& message) {
  if (!is_stopping_) ingest_.on_message(message);
}

bool Front::turn() {
  house_.counters.turns.add();
  house_.ready.run(house_.clock, house_.clock.now() + turn_time);
  forget_departed();
  return !house_.ready.empty();
}

// A session is forgotten once its cell, which refers to it, is over.
void Front::forget_departed() {
  std::erase_if(house_.departed, [this](PeerId peer) {
    const Session* session = find(peer);
    if (session != nullptr && session->has_cell()) return false;
    sessions_.erase(peer);
    return true;
  });
}

TimePoint Front::due() const noexcept { return std::min(next_tick_, ingest_.due()); }

void Front::on_time(TimePoint now) {
  ingest_.on_time(now);
  if (now < next_tick_) return;
  next_tick_ = now + tick_interval;
  plain_refusals_ = 0;
  pub_.tick();
}

}  // namespace backstage::gateway
