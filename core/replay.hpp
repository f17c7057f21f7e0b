/// Replay: dead letters go to their target again, as new deliveries.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "core/dead_letters.hpp"
#include "core/fwd.hpp"
#include "core/ids.hpp"
#include "core/values/errc.hpp"

namespace backstage {

struct ReplayReport {
  static constexpr std::size_t refusals_kept_max = 100;
  struct Refusal {
    MessageId id{};
    std::string target;
    Errc why{};
  };
  std::uint64_t replayed = 0;
  std::uint64_t refused = 0;      ///< they stay
  std::vector<Refusal> refusals;  ///< the first of them
};

/// In the order of their burial. Each goes to who holds its target's name now, an activation rule
/// makes the actor as for any message; a request as a send, because its asker has had its error; a
/// publish to that one actor, with its address and number. Id and attempts stay. A full mailbox
/// refuses, whatever its policy; after a refusal the target's later letters stay too, so that they
/// keep their order. [any]
[[nodiscard]] ReplayReport replay(Runtime& runtime, const LetterQuery& query);

}  // namespace backstage
