/// What a mailbox's verbs take and answer, whichever kind of mailbox it is.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/broadcast.hpp"
#include "core/envelope.hpp"
#include "core/ledger.hpp"
#include "core/values/limits.hpp"

namespace backstage {

/// What overtakes the mail. A set; each is taken once.
enum class Signal : std::uint16_t {
  none = 0,
  stop = 1U << 0U,
  drain = 1U << 1U,
  kill = 1U << 2U,
  restart = 1U << 3U,  ///< the supervisor: be made anew, after your back-off
  news = 1U << 4U,     ///< something is noted for it: of a child, or a succession
  resume = 1U << 5U,   ///< the client's transport takes messages again
  kick = 1U << 6U,     ///< an overflow under Overflow::kick
  idle = 1U << 7U,     ///< time to look whether the actor is idle
  shutdown = 1U << 8U,
  disconnect = 1U << 9U,  ///< the client's peer is gone
  recycle = 1U << 10U,    ///< the supervisor: give up your self, keep your mailbox, wait
  backoff_over = 1U << 11U,
  orphan = 1U << 12U,  ///< detached: nobody supervises it any more
  unpark = 1U << 13U,
  go = 1U << 14U,         ///< all of its group are created
  stop_self = 1U << 15U,  ///< its own wish
};
[[nodiscard]] constexpr Signal operator|(Signal a, Signal b) noexcept {
  return static_cast<Signal>(static_cast<std::uint16_t>(a) | static_cast<std::uint16_t>(b));
}
[[nodiscard]] constexpr bool has(Signal set, Signal one) noexcept {
  return (static_cast<std::uint16_t>(set) & static_cast<std::uint16_t>(one)) != 0;
}

enum class PushVerdict : std::uint8_t {
  accepted,
  dropped,  ///< taken by the overflow policy: a known fate, not a refusal
  refused,  ///< left with the caller; `why` says
};
struct PushResult {
  PushVerdict verdict = PushVerdict::accepted;
  Errc why{};
  bool woke_owner = false;  ///< work for a cell that may be idle: the caller must post it
  bool is_counted = true;   ///< false: a refusal by a life that is over, for the caller to count
};

/// What several mailboxes come to together. They share it, and it outlives their lives. [any]
struct MailboxTally {
  /// Of waiting data: payloads, and an envelope for each. Each mailbox tells of changes from
  /// tally_step on, and when it is empty: most messages are gone before it is worth an atomic.
  std::atomic<std::uint64_t> bytes{0};
  std::array<std::atomic<std::uint64_t>, drop_cause_count> dropped{};
};
inline constexpr std::uint64_t tally_step = 4096;

/// What a mailbox gave up on request.
struct ShedResult {
  std::uint64_t bytes = 0;
  bool kicks = false;       ///< nothing else is left, and who would rather end than lose it ends
  bool woke_owner = false;  ///< as PushResult's
};

struct MailboxOptions {
  MailboxLimits limits;
  Overflow overflow = Overflow::reject;
  /// Clients: what a subscription loses becomes a Kind::gap in its place.
  bool notes_losses = false;
  MailboxTally* tally = nullptr;  ///< null: none
};
/// Whether a hosted actor can have it: room for something, and a policy that is not a client's.
[[nodiscard]] bool is_valid(const MailboxOptions& options) noexcept;

/// What the owner took.
struct NextMail {
  Signal signals = Signal::none;
  EnvelopePtr envelope{};
  bool sleeps = false;     ///< there was nothing: the owner sleeps, as after try_sleep
  DeliveryPtr delivery{};  ///< instead of an envelope
};
struct MailWish {
  bool mail = true;             ///< false: signals only
  bool sleep = false;           ///< if there is nothing
  bool settles_before = false;  ///< the envelope taken last is handled
};

struct MailboxDepth {
  std::uint64_t data_messages = 0;
  std::uint64_t data_bytes = 0;
  std::uint64_t control = 0;
  /// As a MailboxTally counts.
  [[nodiscard]] std::uint64_t waiting_bytes() const noexcept {
    return data_bytes + data_messages * sizeof(Envelope);
  }
  MailboxLimits limits;
  Overflow overflow = Overflow::reject;
  std::optional<Errc> refuses;  ///< data, with this
  [[nodiscard]] bool is_full() const noexcept {
    return data_messages >= limits.data_messages_max || data_bytes >= limits.data_bytes_max;
  }
};

/// Where a message waits.
struct MailSearch {
  struct Place {
    Kind kind{};
    std::uint64_t ahead = 0;  ///< messages that come before it
  };
  std::optional<Place> found;
  std::uint64_t looked_at = 0;
  bool is_cut = false;  ///< there were more than might be looked at
};

}  // namespace backstage
