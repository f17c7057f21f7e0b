/// KeptAnswers: what a named session's last SEND and PUB ids were answered, for repeated lines.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "daemon/wire/status.hpp"

namespace backstage::gateway {

/// Of one SEND or PUB. The token of the status lives as long as the program.
struct KeptAnswer {
  wire::Status status = wire::status_ok;
  std::optional<std::uint64_t> n{};  ///< PUB
  std::optional<std::uint64_t> full{};
};

class KeptAnswers {
 public:
  explicit KeptAnswers(std::size_t kept_max) : kept_max_(kept_max) {}

  void keep(std::uint64_t id, const KeptAnswer& answer);
  [[nodiscard]] const KeptAnswer* find(std::uint64_t id) const;
  /// Not among those kept, and as old as one that was let go: nobody knows if it was executed.
  [[nodiscard]] bool is_forgotten(std::uint64_t id) const noexcept { return id <= forgotten_max_; }
  void clear() noexcept;

 private:
  const std::size_t kept_max_;
  std::unordered_map<std::uint64_t, KeptAnswer> by_id_;
  std::deque<std::uint64_t> order_;
  std::uint64_t forgotten_max_ = 0;
};

}  // namespace backstage::gateway
