/// Connections: those of all transports together: how many may be, whose they are, which are cut.
#pragma once
#include <functional>
#include <string_view>

#include "daemon/gateway/connection_book.hpp"
#include "daemon/gateway/connection_gate.hpp"
#include "daemon/gateway/counters.hpp"
#include "daemon/gateway/events.hpp"
#include "daemon/gateway/principals.hpp"

namespace backstage::gateway {

/// What the listeners are noted in while they are bound, and the transports go by.
struct ConnectionTables {
  explicit ConnectionTables(std::size_t connections_max) : gate(connections_max) {}
  ConnectionBook book;
  ConnectionGate gate;
};

/// All [gateway].
class Connections {
 public:
  /// All references outlive it.
  Connections(ConnectionTables& tables, Counters& counters, Principals& principals, Events& events,
              const GatewayLimits& limits)
      : book_(tables.book),
        gate_(tables.gate),
        counters_(counters),
        principals_(principals),
        events_(events),
        limits_(limits) {}

  void opened(Door door, int fd) { book_.opened(door, fd); }
  /// False: it was not known.
  bool closed(Door door, int fd) { return book_.closed(door, fd); }
  [[nodiscard]] bool is_open(Door door, int fd) const { return book_.is_open(door, fd); }
  /// After some were opened or closed.
  void watch_gate();
  /// How many are more than may be: that many are to be cut, who came last first.
  [[nodiscard]] std::size_t surplus() const noexcept { return gate_.surplus(book_.size()); }
  /// Cuts one. False: it is not open, or was cut before.
  bool cut(Door door, int fd);
  /// Who a connection is, as it speaks for the first time; `filters` are those it has gained or
  /// lost. It is cut if it may not be what it is. False: it is not known, and nothing was done.
  bool meet(Door door, int fd, std::string_view user, int filters);
  /// Cuts those for which it holds.
  void cut_if(const std::function<bool(Door, const ConnectionBook::Connection&)>& is_over) {
    counters_.cut.add(book_.cut_if(is_over));
  }

 private:
  [[nodiscard]] std::string_view objection_to(Door door, const ConnectionBook::Met& met) const;

  ConnectionBook& book_;
  ConnectionGate& gate_;
  Counters& counters_;
  Principals& principals_;
  Events& events_;
  const GatewayLimits& limits_;
};

}  // namespace backstage::gateway
