/// Broadcast: what one publish says to all who hear it, once in memory; Delivery: one of them.
///
/// A thousand subscribers share one envelope. Each has a Delivery in its mailbox, 48 bytes that say
/// which envelope, and under which subscription. A thread keeps a copy of the envelopes it handles
/// at the moment (Hearing) and writes down how often, so that the count that all threads share is
/// touched once by a thread, not once by a subscriber.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/envelope.hpp"

namespace backstage {

class Broadcast {
 public:
  /// The caller holds its one count. `number`: of broadcasts that are made one after the other,
  /// consecutive.
  explicit Broadcast(std::uint64_t number) noexcept
      : said(Kind::publish, MessageId{}), number_(number) {}
  ~Broadcast() = default;
  Broadcast(const Broadcast&) = delete;
  Broadcast& operator=(const Broadcast&) = delete;

  /// Everything but what differs between its deliveries. Constant once there is one.
  Envelope said;
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  void add(std::uint32_t counts) noexcept { count_.fetch_add(counts, std::memory_order_relaxed); }
  /// The last one frees it. [any]
  void drop(std::uint32_t counts) noexcept {
    // Pairs with the other threads' own: the last one sees what they did with it.
    if (count_.fetch_sub(counts, std::memory_order_acq_rel) == counts) delete this;
  }

 private:
  const std::uint64_t number_;
  std::atomic<std::uint32_t> count_{1};
};

/// Holds one count of its broadcast.
struct Delivery : Mail {
  Delivery(Broadcast& of, MessageId given_id, SubscriptionId given_subscription) noexcept
      : Mail(Kind::publish, given_id), broadcast(&of), subscription(given_subscription) {
    is_delivery = true;
  }
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() {
    if (broadcast != nullptr) broadcast->drop(1);
  }
  /// As an envelope of its own. Throws std::bad_alloc.
  [[nodiscard]] EnvelopePtr alone() const;
  /// Null: there is no memory.
  [[nodiscard]] EnvelopePtr try_alone() const noexcept;

  Broadcast* broadcast;
  SubscriptionId subscription;

  static void* operator new(std::size_t size) { return BlockPool<Delivery>::take(size); }
  static void operator delete(void* block) noexcept { BlockPool<Delivery>::give(block); }
};
using DeliveryPtr = std::unique_ptr<Delivery>;

/// What the calling thread hears at the moment. Used by whoever runs turns.
class Hearing {
 public:
  /// The envelope of a delivery, as if it were its own. Borrowed until the next call.
  [[nodiscard]] static Envelope& of(const Delivery& delivery) {
    Entry& entry = entry_of(*delivery.broadcast);
    if (entry.broadcast != delivery.broadcast) [[unlikely]]
      take_up(entry, *delivery.broadcast);
    entry.copy.id = delivery.id;
    entry.copy.subscription = delivery.subscription;
    entry.copy.attempts = 0;
    return entry.copy;
  }
  /// It was heard: its count is given back when the thread flushes, at the latest.
  static void done(DeliveryPtr delivery) noexcept {
    if (mine_ == nullptr) [[unlikely]]
      return;
    Entry& entry = entry_of(*delivery->broadcast);
    if (entry.broadcast != delivery->broadcast) [[unlikely]]
      return;
    ++entry.counts;
    delivery->broadcast = nullptr;
  }
  /// Gives all counts back: before the thread rests, and now and then.
  static void flush() noexcept;

 private:
  // As many publishes of a turn as are handled without losing sight of one of them.
  static constexpr std::size_t entries_max = 128;

  struct Entry {
    Broadcast* broadcast = nullptr;
    std::uint32_t counts =
        0;  // that the thread owes: one for the copy, one for each that was heard
    Envelope copy;
    void leave() noexcept;
  };
  struct Entries {
    ~Entries() { leave_all(); }
    void leave_all() noexcept;
    std::array<Entry, entries_max> all;
    std::array<std::uint8_t, entries_max> used{};
    std::size_t used_count = 0;
  };

  [[nodiscard]] static Entry& entry_of(const Broadcast& broadcast) {
    Entries& entries = mine_ != nullptr ? *mine_ : make_mine();
    return entries.all[broadcast.number() % entries_max];
  }
  [[nodiscard]] static Entries& make_mine();
  static void take_up(Entry& entry, Broadcast& broadcast);

  static inline constinit thread_local Entries* mine_ = nullptr;
};

}  // namespace backstage
