/// Replay: what a resumed session is told before anything new.
///
/// First one GAP for each address whose messages the lost connection may have taken with it, then
/// what was not acknowledged, again, then the answers that waited. It goes as fast as the route
/// takes it; meanwhile the session's mailbox waits.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/fwd.hpp"
#include "core/ids.hpp"
#include "daemon/gateway/delivery_window.hpp"

namespace backstage::gateway {

class Session;

/// [gateway]
class Replay {
 public:
  /// The books are as the lost connection left them. `session` outlives it.
  explicit Replay(Session& session);

  /// Tells what the route takes now. True: all is told.
  [[nodiscard]] bool go_on();
  /// What was in flight has been told up to this delivery of the session.
  [[nodiscard]] std::uint64_t told_turn() const noexcept {
    return told_ == steps_.size() ? DeliveryWindow::any_turn : told_turn_;
  }

 private:
  struct Step {
    SubscriptionId subscription{};
    const Topic* topic = nullptr;  ///< a GAP of it; null: what was sent in `turn`
    std::uint64_t turn = 0;
  };
  [[nodiscard]] bool tell(const Step& step);
  [[nodiscard]] bool tell_answers();

  Session& session_;
  std::vector<Step> steps_;
  std::size_t told_ = 0;
  std::uint64_t told_turn_ = 0;
  std::string line_;  // kept for its capacity
};

}  // namespace backstage::gateway
