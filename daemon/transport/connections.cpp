#include "daemon/transport/connections.hpp"

namespace backstage::transport {

void Connections::watch_gate() {
  const std::size_t open = tables_.size();
  counters_.connections.set_to(open);
  switch (tables_.gate.on_count(open)) {
    case ConnectionGate::Change::closed:
      counters_.gate_closed.add();
      return events_.gate_closed(open);
    case ConnectionGate::Change::opened:
      return events_.gate_opened(open);
    case ConnectionGate::Change::none:
      return;
  }
}

bool Connections::cut(Door door, int fd) {
  if (!book_.cut(door, fd)) return false;
  counters_.cut.add();
  return true;
}

Connections::Met Connections::meet(Door door, int fd, std::string_view user, int filters) {
  const auto met = book_.met(door, fd, principals_.of(user));
  if (met.connection == nullptr) return Met::unknown;
  if (met.connection->is_cut) return Met::cut;
  ConnectionBook::Connection& connection = *met.connection;
  if (filters > 0) ++connection.filters;
  if (filters < 0 && connection.filters > 0) --connection.filters;
  const auto objection = objection_to(door, met);
  if (objection.empty()) return Met::welcome;
  counters_.cut.add();
  events_.connection_cut(user, objection);
  book_.cut(fd, connection);
  return Met::cut;
}

// Why a connection is not to stay; empty if it may.
std::string_view Connections::objection_to(Door door, const ConnectionBook::Met& met) const {
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

}  // namespace backstage::transport
