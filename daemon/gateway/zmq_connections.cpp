// ZmqTransport's connections: who they are, how many, and which are cut.
#include <ranges>

#include "daemon/gateway/zmq_transport.hpp"

namespace backstage::gateway {

void ZmqTransport::read_monitors() {
  read_monitor(Source::cmd_monitor, sockets_->cmd_monitor, Door::cmd);
  if (sockets_->pub) read_monitor(Source::pub_monitor, *sockets_->pub_monitor, Door::pub);
  if (sockets_->ingest) {
    read_monitor(Source::ingest_monitor, *sockets_->ingest_monitor, Door::ingest);
  }
}

void ZmqTransport::read_monitor(Source source, ZmqMonitor& monitor, Door door) {
  std::vector<ZmqMonitor::Event> events;
  monitor.drain(events);
  touch(source);
  for (const auto& event : events) {
    if (event.what == ZmqMonitor::What::accepted) sockets_->book.opened(door, event.fd);
    if (event.what == ZmqMonitor::What::closed && sockets_->book.closed(door, event.fd) &&
        door == Door::cmd) {
      on_closed(event.fd);
    }
  }
  watch_gate();
  cut_surplus(door, events);
}

// Who came last goes first.
void ZmqTransport::cut_surplus(Door door, const std::vector<ZmqMonitor::Event>& events) {
  std::size_t surplus = sockets_->gate.surplus(sockets_->book.size());
  for (const auto& event : events | std::views::reverse) {
    if (surplus == 0) return;
    if (event.what != ZmqMonitor::What::accepted || !sockets_->book.cut(door, event.fd)) continue;
    counters_.cut.add();
    --surplus;
  }
}

void ZmqTransport::watch_gate() {
  const std::size_t open = sockets_->book.size();
  counters_.connections.set_to(open);
  switch (sockets_->gate.on_count(open)) {
    case ConnectionGate::Change::closed:
      counters_.gate_closed.add();
      return events_.gate_closed(open);
    case ConnectionGate::Change::opened:
      return events_.gate_opened(open);
    case ConnectionGate::Change::none:
      return;
  }
}

// Who a connection is, as it speaks for the first time; `filters` are those it has gained or lost.
void ZmqTransport::meet(Door door, int fd, std::string_view user, int filters) {
  Principal& principal = principals_.of(user);
  auto met = sockets_->book.met(door, fd, principal);
  if (met.connection == nullptr) {
    // It was accepted a moment ago, and the event is still on its way to us; or it is gone.
    read_monitors();
    met = sockets_->book.met(door, fd, principal);
  }
  if (met.connection == nullptr || met.connection->is_cut) return;
  ConnectionBook::Connection& connection = *met.connection;
  if (filters > 0) ++connection.filters;
  if (filters < 0 && connection.filters > 0) --connection.filters;
  const auto objection = objection_to(door, met);
  if (objection.empty()) return;
  counters_.cut.add();
  events_.connection_cut(user, objection);
  sockets_->book.cut(fd, connection);
}

// Why a connection is not to stay; empty if it may.
std::string_view ZmqTransport::objection_to(Door door, const ConnectionBook::Met& met) {
  const Principal& principal = *met.connection->principal;
  // Asked when it connected, too; but those are counted from their first word on.
  if (met.is_first && principal.is_remote &&
      principal.connections > limits_.connections_per_principal_max) {
    return "it has more connections than one principal may have";
  }
  // A client of cmd is told by ERR 401.
  if (door == Door::cmd) return {};
  if (!principal.is_current) return "nobody has checked who it is, or its key is gone";
  if (door != Door::pub) return {};
  if (!principal.rights.allows(policy::Right::sub, "*/>")) {
    return "no rule lets it subscribe to everything";
  }
  const auto filters_max =
      principal.is_remote ? limits_.subscriptions_per_principal_max : limits_.filters_max;
  return met.connection->filters > filters_max ? "it has set more filters than it may" : "";
}

void ZmqTransport::cut_if(
    const std::function<bool(Door, const ConnectionBook::Connection&)>& is_over) {
  // What is gone already is not to be looked for.
  read_monitors();
  counters_.cut.add(sockets_->book.cut_if(is_over));
}

}  // namespace backstage::gateway
