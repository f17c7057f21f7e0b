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
  /// Delivers what is queued and ends every session with BYE, for at most `flush`; then closes the
  /// sockets. Idempotent. [main]
  void stop(std::chrono::milliseconds flush = std::chrono::milliseconds{500});

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
  std::unique_ptr<Loop> loop_;
};

}  // namespace backstage::gateway
