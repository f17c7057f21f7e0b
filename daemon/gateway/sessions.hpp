/// Sessions: all sessions of the gateway, found by their tokens.
#pragma once
#include <cstddef>
#include <expected>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_set>
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
    for (const auto& session : by_token_) visit(*session);
  }
  [[nodiscard]] std::size_t size() const noexcept { return by_token_.size(); }

 private:
  House& house_;
  struct ByToken {
    using is_transparent = void;
    static std::string_view token(std::string_view token) noexcept { return token; }
    static std::string_view token(const std::unique_ptr<Session>& session) noexcept {
      return session->token();
    }
    // Not noexcept: so libstdc++ keeps the hash, and looks at no other session.
    std::size_t operator()(const auto& one) const {
      return std::hash<std::string_view>{}(token(one));
    }
    bool operator()(const auto& a, const auto& b) const noexcept { return token(a) == token(b); }
  };
  std::unordered_set<std::unique_ptr<Session>, ByToken, ByToken> by_token_;
  std::set<std::pair<TimePoint, Session*>> detached_;
};

}  // namespace backstage::gateway
