/// Gateway: the ZeroMQ door of the daemon: sockets, loop and thread around the Front.
#pragma once
#include <chrono>
#include <expected>
#include <memory>

#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "daemon/gateway/counters.hpp"
#include "daemon/gateway/events.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/gateway/seam.hpp"

namespace backstage::gateway {

class Gateway {
 public:
  /// All references outlive it; the engine's clients end in stop().
  Gateway(Engine& engine, const Clock& clock, Options options, Events& events);
  /// Stops, if that has not been done.
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  /// Binds every endpoint, then serves on a thread of its own. Errors: nothing was started. [main]
  [[nodiscard]] std::expected<BoundEndpoints, StartError> start();
  /// Every session is told DRAINING; from now on new work is answered 503 stopping. [any]
  void begin_draining(std::chrono::milliseconds within);
  /// Lets in whom `keys` name and nobody else by CURVE; whoever lost its key is thrown out: BYE 401
  /// to its sessions, its connections cut. Returns when the former is done; false: the loop stands
  /// still, and it will be done when it goes on. [main]
  bool set_keys(policy::AuthorizedKeys keys);
  /// From the return of this on nothing is done or delivered that `rules` forbid. Returns as
  /// set_keys. [main]
  bool set_rules(std::vector<policy::Rule> rules);
  /// Delivers what is queued and ends every session with BYE, for at most `flush`; then closes the
  /// sockets. Idempotent. [main]
  void stop(std::chrono::milliseconds flush = std::chrono::milliseconds{500});

  /// As many connections as the limit of open files leaves room for, of those configured.
  [[nodiscard]] std::uint32_t connections_max() const noexcept {
    return options_.limits.connections_max;
  }
  [[nodiscard]] const Counters& counters() const noexcept { return counters_; }
  /// Asks the loop for a sign of life, for a watchdog. [main]
  void ask_beat();
  /// How many it has given. [any]
  [[nodiscard]] std::uint64_t beats() const noexcept { return counters_.beats.get(); }

 private:
  class Loop;

  Engine& engine_;
  const Clock& clock_;
  const Options options_;
  Events& events_;
  Counters counters_;
  Principals principals_;
  std::unique_ptr<Loop> loop_;
};

}  // namespace backstage::gateway
