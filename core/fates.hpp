/// Fates: a short memory of deliveries that were dropped, for those who ask what became of one.
///
/// What is handled leaves no trace here, and what is a dead letter is kept as one. Lock-free: a
/// writer overwrites the oldest, a reader takes only what it saw whole.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/ids.hpp"
#include "core/ledger.hpp"

namespace backstage {

struct Fate {
  DropCause cause{};
  ActorId who;  ///< into whose mailbox it had been accepted
};

class Fates {
 public:
  static constexpr std::size_t kept_max = 4096;

  /// [any]
  void add(MessageId id, DropCause cause, ActorId who) noexcept;
  /// The last one of that message. [any]
  [[nodiscard]] std::optional<Fate> find(MessageId id) const noexcept;

 private:
  struct Slot {
    std::atomic<std::uint64_t> message{0};  // its id and, in the low bits, the cause; 0: being made
    std::atomic<std::uint64_t> who{0};
  };
  std::atomic<std::uint64_t> next_{0};
  std::array<Slot, kept_max> slots_;
};

/// Where a mailbox tells what it drops while it takes something, and as whose.
struct FateBook {
  Fates* fates = nullptr;  ///< null: nowhere
  ActorId who;
  void add(MessageId id, DropCause cause) const noexcept {
    if (fates != nullptr) fates->add(id, cause, who);
  }
};

}  // namespace backstage
