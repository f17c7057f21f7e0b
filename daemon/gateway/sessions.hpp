/// Sessions: all sessions of the gateway, found by their tokens.
#pragma once
#include <cstddef>
#include <expected>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

/// All of it is [gateway].
class Sessions {
 public:
  explicit Sessions(House& house) noexcept : house_(house) {}
  /// Their cells, which refer to them, are over.
  ~Sessions() = default;
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// A new session for the connection, which has none. Errors: sessions_full, and as Session::open.
  [[nodiscard]] std::expected<void, wire::Status> open(std::string_view name, Connection& route);
  /// The one with that token, if that peer may take it over; null otherwise.
  [[nodiscard]] Session* find_for(std::string_view token, const Peer& peer) const;
  /// A session waits for another route, until its time is over, or has one again.
  void on_detached(Session& session) { detached_.emplace(session.expires_at(), &session); }
  void on_attached(Session& session) { detached_.erase({session.expires_at(), &session}); }
  [[nodiscard]] TimePoint due() const noexcept {
    return detached_.empty() ? never : detached_.begin()->first;
  }
  /// Ends those that nobody came for.
  void on_time(TimePoint now);
  /// Nobody may come for them any more.
  void end_detached();
  /// Lets go of those that are over.
  void forget_over();
  [[nodiscard]] bool has_cells() const;
  template <class Visit>
  void for_each(const Visit& visit) {
    for (auto& [token, session] : by_token_) visit(*session);
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_token_.size(); }

 private:
  House& house_;
  // The keys are the sessions' own tokens.
  std::unordered_map<std::string_view, std::unique_ptr<Session>> by_token_;
  std::set<std::pair<TimePoint, Session*>> detached_;
};

}  // namespace backstage::gateway
