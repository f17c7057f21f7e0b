/// Mailbox: the bounded queue of one cell. Many producers, one consumer.
///
/// One order, two budgets: data (send, publish, request) is bounded in messages and bytes; control
/// always has room. Both are taken in arrival order. Only signals (stop, kill, ...) overtake.
///
/// Guarded by one mutex, a leaf: nothing is called while it is held.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "core/envelope.hpp"
#include "core/fates.hpp"
#include "core/ledger.hpp"
#include "core/values/limits.hpp"

namespace backstage {

/// What overtakes the mail. A set; each is taken once.
enum class Signal : std::uint16_t {
  none = 0,
  stop = 1U << 0U,
  drain = 1U << 1U,
  kill = 1U << 2U,
  restart = 1U << 3U,      ///< the supervisor: be made anew, after your back-off
  child_event = 1U << 4U,  ///< something became of a child
  resume = 1U << 5U,       ///< the client's transport takes messages again
  kick = 1U << 6U,         ///< an overflow under Overflow::kick
  idle = 1U << 7U,         ///< time to look whether the actor is idle
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
  bool woke_owner = false;  ///< first work of an idle cell: the caller must post it
  bool is_counted = true;   ///< false: a refusal by a life that is over, for the caller to count
};

class Mailbox {
 public:
  struct Options {
    MailboxLimits limits;
    Overflow overflow = Overflow::reject;
    /// Clients: what a subscription loses becomes a Kind::gap in its place.
    bool notes_losses = false;
  };

  Mailbox();
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Begins a life. The owner counts as awake until try_sleep. [one caller]
  void open(std::uint32_t generation, const Options& options);

  /// Adds one envelope of the given life. Takes it over unless refused (no_actor, stopping, parked,
  /// mailbox_full), which leaves it untouched and counts the refusal. What is dropped for it is
  /// told to `book`. [any]
  [[nodiscard]] PushResult push(EnvelopePtr& envelope, std::uint32_t generation,
                                const FateBook& book = {});

  /// Raises a signal. True: the owner slept and must be posted. [any]
  [[nodiscard]] bool raise(Signal signal, std::uint32_t generation);

  // The rest is for the owner, in its turn. [actor]

  struct Next {
    Signal signals = Signal::none;
    EnvelopePtr envelope;
    bool sleeps = false;  ///< there was nothing: the owner sleeps, as after try_sleep
  };
  struct Wish {
    bool mail = true;             ///< false: signals only
    bool sleep = false;           ///< if there is nothing
    bool settles_before = false;  ///< the envelope taken last is handled
  };
  /// The signals raised since, or else the next envelope in arrival order, or neither. An envelope
  /// counts as running until settled. One lock for all of a message's bookkeeping.
  [[nodiscard]] Next next(Wish wish);
  /// Whether mail alone may wake the owner; signals always do.
  void set_mail_wakes(bool mail_wakes);
  /// Refuses new data from now on with `why` (stopping or parked).
  void refuse_data(Errc why);
  /// Takes data again, after parking.
  void welcome_data();
  /// The actor has failed: mail waits. Requests that do not wait are refused with actor_failed from
  /// now on, and those that are queued are returned; the caller settles them.
  [[nodiscard]] std::vector<EnvelopePtr> go_down();
  /// The actor runs: mail wakes it.
  void come_up();
  /// All queued requests, in order; the caller settles them.
  [[nodiscard]] std::vector<EnvelopePtr> take_requests();
  /// Sleeps if there is nothing to do. False: there is, go on.
  [[nodiscard]] bool try_sleep();
  /// No mail and none accepted from now on: used to passivate. False: there is mail.
  [[nodiscard]] bool close_if_empty();
  /// Ends the life: every later push is refused. Returns what was left, in order; the caller
  /// settles it.
  [[nodiscard]] std::vector<EnvelopePtr> close();
  /// As close, from outside, if that life is still open; otherwise nothing. [any]
  [[nodiscard]] std::vector<EnvelopePtr> close_life(std::uint32_t generation);
  /// After close, once the life is over: what comes now is told no_actor, not stopping.
  void retire();

  // How an envelope got by next, close or take_requests ended. [actor]
  void settle_handled() noexcept;
  void settle_dropped(DropCause cause) noexcept;
  void settle_dead_lettered() noexcept;

  /// Constant through one life. [any]
  [[nodiscard]] Overflow overflow_policy() const;
  /// Whether that life goes on. [any]
  [[nodiscard]] bool is_open_for(std::uint32_t generation) const;
  /// A snapshot. [any]
  [[nodiscard]] Ledger ledger() const;
  [[nodiscard]] std::uint64_t queued() const;
  struct Depth {
    std::uint64_t data_messages = 0;
    std::uint64_t data_bytes = 0;
    std::uint64_t control = 0;
    MailboxLimits limits;
    Overflow overflow = Overflow::reject;
    std::optional<Errc> refuses;  ///< data, with this
    [[nodiscard]] bool is_full() const noexcept {
      return data_messages >= limits.data_messages_max || data_bytes >= limits.data_bytes_max;
    }
  };
  [[nodiscard]] Depth depth() const;
  struct Place {
    Kind kind{};
    std::uint64_t ahead = 0;  ///< messages that come before it
  };
  struct Search {
    std::optional<Place> found;
    std::uint64_t looked_at = 0;
    bool is_cut = false;  ///< there were more than might be looked at
  };
  /// Where a message waits, among the first `looks_max`. [any]
  [[nodiscard]] Search find(MessageId id, std::uint64_t looks_max) const;
  /// Counts what it holds anew: counters, bytes, order and bounds agree. For tests: slow. [any]
  [[nodiscard]] bool is_consistent() const;

 private:
  struct List {
    Envelope* head = nullptr;
    Envelope* tail = nullptr;
    void push_back(Envelope* envelope) noexcept;
    void insert_after(Envelope* before, Envelope* envelope) noexcept;  // null: at the front
    void remove(Envelope* envelope) noexcept;
  };
  struct Losses {  // the rare counters, made on first use: an idle actor is small
    std::uint64_t dead_lettered = 0;
    std::array<std::uint64_t, drop_cause_count> dropped{};
    std::array<std::uint64_t, errc_count> refused{};
  };
  struct Notes;  // what clients and conflating mailboxes keep beside the lists; made on first use

  [[nodiscard]] bool has_room(const Envelope& envelope) const noexcept;
  [[nodiscard]] Errc closed_for(const Envelope& envelope, std::uint32_t generation) const noexcept;
  void append(EnvelopePtr envelope);
  void conflate(const Envelope& newer, const FateBook& book);
  [[nodiscard]] PushResult overflow(EnvelopePtr& envelope, const FateBook& book);
  [[nodiscard]] bool evict_oldest_for(const Envelope& envelope, const FateBook& book);
  void lose(EnvelopePtr envelope, DropCause cause, const FateBook& book);
  void unlink_data(Envelope* envelope);
  [[nodiscard]] bool wake() noexcept;
  [[nodiscard]] EnvelopePtr take_first();
  [[nodiscard]] std::vector<EnvelopePtr> take_lists();
  [[nodiscard]] std::vector<EnvelopePtr> take_requests_if(bool must_fail_fast);
  PushResult refuse(Errc why);
  void drop(DropCause cause) { ++losses().dropped[static_cast<std::size_t>(cause)]; }
  Notes& notes();
  Losses& losses();

  mutable std::mutex mutex_;
  // Guarded by mutex_
  List control_;
  List data_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::uint32_t data_count_ = 0;
  std::uint32_t control_count_ = 0;  // counted control only: no gaps, no barriers
  std::uint32_t running_ = 0;        // taken, not settled
  std::uint32_t generation_ = 0;
  Signal signals_ = Signal::none;
  bool awake_ = false;
  bool mail_wakes_ = true;
  bool is_open_ = false;
  bool is_down_ = false;
  Errc refusal_ = Errc::no_actor;  // no_actor: data is welcome
  Options options_;
  std::unique_ptr<Notes> notes_;
  std::unique_ptr<Losses> losses_;
};

/// Whether a hosted actor can have it: room for something, and a policy that is not a client's.
[[nodiscard]] bool is_valid(const Mailbox::Options& options) noexcept;

}  // namespace backstage
