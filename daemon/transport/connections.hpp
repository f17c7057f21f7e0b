/// Connections: how many may be, whose they are, which are cut.
#pragma once
#include <functional>
#include <string_view>

#include "daemon/transport/connection_book.hpp"
#include "daemon/transport/connection_gate.hpp"
#include "daemon/transport/counters.hpp"
#include "daemon/transport/events.hpp"
#include "daemon/transport/principals.hpp"

namespace backstage::transport {

/// What the listeners are noted in while they are bound, and the transports go by. Each transport
/// has a book of its own: libzmq tells late that it has closed a descriptor, when the other may
/// have it by then.
struct ConnectionTables {
  explicit ConnectionTables(std::size_t connections_max) : gate(connections_max) {}
  [[nodiscard]] std::size_t size() const noexcept { return zmq.size() + zmtp.size(); }
  ConnectionBook zmq;
  ConnectionBook zmtp;
  ConnectionGate gate;
};

/// Those of one transport. All [gateway].
class Connections {
 public:
  /// All references outlive it; `book` is one of the tables'.
  Connections(ConnectionTables& tables, ConnectionBook& book, Counters& counters,
              Principals& principals, Events& events, const Limits& limits)
      : tables_(tables),
        book_(book),
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
  [[nodiscard]] std::size_t surplus() const noexcept {
    return tables_.gate.surplus(tables_.size());
  }
  /// Cuts one. False: it is not open, or was cut before.
  bool cut(Door door, int fd);
  /// Who a connection is, as it speaks for the first time; `filters` are those it has gained or
  /// lost. It is cut if it may not be what it is.
  enum class Met : std::uint8_t {
    welcome,
    cut,      ///< now, or before: what it still says was on its way
    unknown,  ///< nothing was done
  };
  Met meet(Door door, int fd, std::string_view user, int filters);
  /// Cuts those for which it holds.
  void cut_if(const std::function<bool(Door, const ConnectionBook::Connection&)>& is_over) {
    counters_.cut.add(book_.cut_if(is_over));
  }

 private:
  [[nodiscard]] std::string_view objection_to(Door door, const ConnectionBook::Met& met) const;

  ConnectionTables& tables_;
  ConnectionBook& book_;
  Counters& counters_;
  Principals& principals_;
  Events& events_;
  const Limits& limits_;
};

}  // namespace backstage::transport
