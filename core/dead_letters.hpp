/// DeadLetters: messages that could not be handled, each with its reason; a bounded ring per cause.
///
/// Counts are exact: buried = kept + fell_out + replayed + dropped, but for letters that are being
/// replayed at this moment.
#pragma once
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/envelope.hpp"
#include "core/observer.hpp"

namespace backstage {

/// Of a reason, more is cut off: it is a handler's text.
inline constexpr std::size_t dead_reason_bytes_max = 1024;

struct DeadLetter {
  MessageId id{};  ///< the message's own; it keeps it when it is replayed
  DeadCause cause{};
  Kind kind{};
  std::uint32_t attempts = 0;  ///< how often it was given to its handler
  std::string sender;
  std::string target;
  std::string type;
  std::string reason;
  Payload payload;
  TimePoint at{};
  std::uint64_t number = 0;  ///< letters are numbered as they are buried
  ActorId sender_id;
  // A publish's:
  std::string address;
  std::uint64_t seq = 0;
  SubscriptionId subscription{};

  [[nodiscard]] std::uint64_t bytes() const noexcept {
    return payload.size() + sender.size() + target.size() + type.size() + reason.size() +
           address.size();
  }
};
/// Shared with the ring: a letter does not change.
using LetterPtr = std::shared_ptr<const DeadLetter>;

/// Which letters. What is left out takes all.
struct LetterQuery {
  std::optional<MessageId> id{};
  std::optional<DeadCause> cause{};
  std::optional<std::string> target{};
  std::optional<std::string> sender{};

  [[nodiscard]] bool takes(const DeadLetter& letter) const noexcept;
};

struct LetterCounts {
  std::uint64_t kept = 0;
  std::uint64_t bytes = 0;
  std::uint64_t buried = 0;    ///< since the start
  std::uint64_t fell_out = 0;  ///< made room for later ones
  std::uint64_t replayed = 0;
  std::uint64_t dropped = 0;  ///< by an operator
};

/// [any] all of it; no call holds a lock for longer than a look through one ring.
class DeadLetters {
 public:
  DeadLetters(std::uint32_t letters_max, std::uint64_t bytes_max)
      : letters_max_(letters_max), bytes_max_(bytes_max) {}
  /// Keeps it and numbers it; the oldest of its cause make room.
  void add(DeadLetter letter);
  /// In the order of their burial.
  [[nodiscard]] std::vector<LetterPtr> select(const LetterQuery& query) const;
  /// Forgets them. Returns how many there were.
  std::uint64_t drop(const LetterQuery& query);

  /// Out of the ring, for a replay: `settle_replayed` or `put_back` follows. False: it is not there
  /// any more.
  [[nodiscard]] bool take(const DeadLetter& letter);
  void settle_replayed(const DeadLetter& letter);
  /// To where it was.
  void put_back(LetterPtr letter);

  [[nodiscard]] LetterCounts counts(DeadCause cause) const;
  [[nodiscard]] std::uint64_t size() const;
  [[nodiscard]] std::uint32_t letters_max() const noexcept { return letters_max_; }
  [[nodiscard]] std::uint64_t bytes_max() const noexcept { return bytes_max_; }

 private:
  struct Ring {
    std::deque<LetterPtr> letters;  // by number
    LetterCounts counts;
  };
  [[nodiscard]] Ring& ring_of(DeadCause cause) { return rings_[static_cast<std::size_t>(cause)]; }
  [[nodiscard]] std::vector<LetterPtr> shrink(Ring& ring) const;

  const std::uint32_t letters_max_;
  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::array<Ring, dead_cause_count> rings_;
  std::uint64_t last_number_ = 0;
};

}  // namespace backstage
