/// Outbox: the way out to one peer. Answers that the transport does not take wait here, in order.
///
/// It never drops: over its reserve it says so, and the session is ended.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/gateway/counters.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/gateway/transport.hpp"

namespace backstage::gateway {

/// One message out. `payload` null: the control line alone. Borrowed for the call.
struct Outgoing {
  std::string_view control;
  const Payload* payload = nullptr;
};

class Outbox {
 public:
  enum class Put : std::uint8_t { done, full, gone };

  Outbox(Transport& transport, PeerId peer, const GatewayLimits& limits, Counters& counters)
      : transport_(transport), peer_(peer), limits_(limits), counters_(counters) {}

  /// `CTL LF payload` in one frame from now on.
  void set_one_frame(bool one_frame) noexcept { one_frame_ = one_frame; }

  /// An answer: sent, or kept to be sent. `full` takes nothing.
  [[nodiscard]] Put put(const Outgoing& message);
  /// A delivery: sent or left with the caller, who has it in a mailbox.
  [[nodiscard]] SendResult deliver(const Outgoing& message);
  /// Sends what waits. `sent`: nothing waits any more.
  [[nodiscard]] SendResult flush();
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  void clear() noexcept;

 private:
  struct Waiting {
    std::string control;
    Payload payload;
    bool has_payload = false;
  };
  [[nodiscard]] SendResult send(const Outgoing& message);

  Transport& transport_;
  const PeerId peer_;
  const GatewayLimits& limits_;
  Counters& counters_;
  bool one_frame_ = false;
  std::deque<Waiting> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  std::string joined_;  // kept for its capacity
};

}  // namespace backstage::gateway
