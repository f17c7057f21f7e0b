#include "daemon/gateway/front.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>

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
// Connections remembered after their end: what they had said is read within moments.
constexpr std::size_t left_sessions_max = 1024;

constexpr std::string_view own_routing_id =
    "this connection has set a ZMQ_ROUTING_ID of its own, and is not served: do not set it; a name "
    "is had by HELLO name=";

}  // namespace

Front::Front(const House& house)
    : house_(house),
      sessions_(house_),
      shedder_(house_, sessions_),
      pub_(house_),
      ingest_(house_),
      next_tick_(house.clock.now() + tick_interval) {
  house_.pub = &pub_;
  house_.sessions = &sessions_;
  house_.heartbeats = &heartbeats_;
}

Front::~Front() = default;

Result<void> Front::open() {
  if (house_.endpoints.pub.empty()) return {};
  return pub_.open();
}

Connection* Front::find(PeerId peer) {
  // Many messages come in a row. Where one is stays where it is until it is erased.
  if (last_found_ != nullptr && last_found_->peer().id == peer) return last_found_;
  const auto found = connections_.find(peer);
  return found == connections_.end() ? nullptr : last_found_ = &found->second;
}

// Null: one too many, and told so.
Connection* Front::add(const Peer& peer, InMessage& message) {
  // More than sessions, so that one may be resumed while its lost connection is not missed yet.
  if (connections_.size() / 2 >= house_.options.limits.sessions_max) {
    if (refused_.insert(peer.id).second) {
      house_.counters.sessions_refused.add();
      house_.events.peer_refused(peer.id, wire::sentence(wire::WireErrc::sessions_full));
    }
    refuse_peer(peer, message, wire::status(wire::WireErrc::sessions_full), {});
    return nullptr;
  }
  return &connections_.try_emplace(peer.id, house_, peer).first->second;
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
  Connection* connection = find(peer.id);
  // Its client says it again on its next connection: here it would be done twice.
  if (connection == nullptr && has_left_session(peer.id)) return house_.counters.ignored.add();
  Principal& principal =
      connection != nullptr ? connection->principal() : house_.principals.of(peer.user_id);
  if (is_turned_away(principal, peer, message)) return;
  if (connection == nullptr) connection = add(peer, message);
  if (connection == nullptr) return;
  connection->on_message(message);
  // So that a name is free, and the connection ready, before the next message.
  const Session* const session = connection->session();
  if (session != nullptr && session->state() == Session::State::ending) (void)turn();
}

// An answer to what is not executed, whoever says it.
void Front::refuse_peer(const Peer& peer, InMessage& message, wire::Status status,
                        std::string_view text, std::uint64_t retry_ms) {
  const auto frames = message.frames();
  const auto id = frames.empty() ? 0 : wire::find_id(frames[0].substr(0, frames[0].find('\n')));
  // Where others wait already it waits behind them: an answer is never dropped.
  if (Connection* known = find(peer.id)) return known->refuse(id, status, text, retry_ms);
  count_refusal(house_.counters, status);
  if (id == 0 && peer.kind != SocketKind::req &&
      ++plain_refusals_ > house_.options.limits.plain_errors_per_second) {
    house_.counters.err0_suppressed.add();
    return;
  }
  std::string line;
  wire::Err error{.id = id, .status = status, .retry_ms = retry_hint(status)};
  if (retry_ms != 0) error.retry_ms = retry_ms;
  wire::encode(line, error);
  const std::array<OutFrame, 2> out{OutFrame{line}, OutFrame{text}};
  const auto sent = house_.transport.send(peer.id, std::span(out).first(text.empty() ? 1 : 2));
  if (sent == SendResult::gone) refused_.erase(peer.id);
}

void Front::on_writable(PeerId peer) {
  if (Connection* connection = find(peer)) connection->on_writable();
}

void Front::on_gone(PeerId peer) {
  refused_.erase(peer);
  if (Connection* connection = find(peer)) connection->on_gone();
}

void Front::on_filter(std::string_view filter, bool is_added) { pub_.on_filter(filter, is_added); }

void Front::on_ingest(InMessage& message) {
  if (!is_stopping_) ingest_.on_message(message);
}

bool Front::turn() {
  house_.counters.turns.add();
  house_.began.reset();
  house_.ready.run(house_.clock, house_.clock.now() + turn_time);
  end_turn();
  shedder_.look();
  forget_departed();
  return !house_.ready.empty();
}

void Front::end_turn() {
  for (const PeerId peer : house_.collecting) {
    if (Connection* connection = find(peer)) connection->on_turn_over();
  }
  house_.collecting.clear();
}

void Front::forget_departed() {
  for (const PeerId peer : std::exchange(house_.departed, {})) {
    const auto connection = connections_.find(peer);
    if (connection == connections_.end()) continue;
    if (connection->second.has_left_session() && left_sessions_.insert(peer).second) {
      left_order_.push_back(peer);
    }
    if (left_order_.size() > left_sessions_max) {
      left_sessions_.erase(left_order_.front());
      left_order_.pop_front();
    }
    last_found_ = nullptr;
    connections_.erase(connection);
  }
  sessions_.forget_over();
}

TimePoint Front::due() const noexcept {
  return std::min(
      {next_tick_, ingest_.due(), sessions_.due(), heartbeats_.due(), house_.deadlines.due()});
}

void Front::on_time(TimePoint now) {
  ingest_.on_time(now);
  sessions_.on_time(now);
  heartbeats_.on_time(now);
  house_.deadlines.on_time(now, house_.engine);
  if (now < next_tick_) return;
  next_tick_ = now + tick_interval;
  plain_refusals_ = 0;
  pub_.tick();
}

}  // namespace backstage::gateway
