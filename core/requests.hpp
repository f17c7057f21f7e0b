/// Requests: what one actor has asked and not yet heard, and what it was asked and has not
/// answered.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/call_chain.hpp"
#include "core/clock.hpp"
#include "core/fwd.hpp"
#include "core/id_map.hpp"
#include "core/ids.hpp"
#include "core/timers.hpp"
#include "core/values/result.hpp"

namespace backstage {

/// [actor] all of it.
class Requests {
 public:
  /// Somebody waits for an answer, here or there.
  [[nodiscard]] bool is_busy() const noexcept {
    return !asked_.empty() || latest_ || !open_.empty();
  }

  // --- Asked by this actor.
  [[nodiscard]] RequestId next_id() noexcept { return RequestId{++last_id_}; }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_.size(); }
  struct Asked {
    TimerKey deadline{};
    CallChain chain;  ///< who waits for the answer beside this actor
  };
  void on_asked(RequestId id, Asked asked) { asked_.emplace(id, std::move(asked)); }
  /// The one reply of a request: forgets it, and says which timer to cancel. Errors: no_request
  /// (late: the caller drops the reply).
  [[nodiscard]] Result<Asked> on_reply(RequestId id);
  /// Of the last one asked, or zero. Ids grow.
  [[nodiscard]] RequestId last_id() const noexcept { return RequestId{last_id_}; }
  /// Forgets those asked after `after` up to `until`, returns the timers to cancel.
  [[nodiscard]] std::vector<TimerKey> forget_asked(RequestId after, RequestId until);
  [[nodiscard]] std::vector<TimerKey> forget_asked() { return forget_asked({}, last_id()); }

  /// The request or reply that is being handled; null: neither.
  const Envelope* answering = nullptr;

  // --- Asked of this actor.
  void on_received(RequestRef request, TimePoint deadline, TimePoint now);
  /// True once for each request received: it may be answered now.
  [[nodiscard]] bool close(RequestRef request);
  [[nodiscard]] std::vector<RequestRef> take_open();

 private:
  std::uint64_t last_id_ = 0;
  IdMap<RequestId, Asked> asked_;
  // Most answer one before they take the next.
  std::optional<std::pair<RequestRef, TimePoint>> latest_;
  std::unordered_map<RequestRef, TimePoint> open_;  // all others
  std::size_t prune_at_ = 64;
};

}  // namespace backstage
