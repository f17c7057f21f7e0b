/// KeptAnswers: what a named session's last SEND and PUB ids were answered, for repeated lines.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
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
  /// Lets the oldest go of more than `kept_max`.
  void keep(std::uint64_t id, const KeptAnswer& answer, std::size_t kept_max);
  [[nodiscard]] const KeptAnswer* find(std::uint64_t id) const;
  /// Not among those kept, and as old as one that was let go: nobody knows if it was executed.
  [[nodiscard]] bool is_forgotten(std::uint64_t id) const noexcept {
    return book_ != nullptr && id <= book_->forgotten_max;
  }

 private:
  // Made on first use: an empty deque alone has 600 bytes.
  struct Book {
    std::unordered_map<std::uint64_t, KeptAnswer> by_id;
    std::deque<std::uint64_t> order;
    std::uint64_t forgotten_max = 0;
  };
  std::unique_ptr<Book> book_;
};

}  // namespace backstage::gateway
