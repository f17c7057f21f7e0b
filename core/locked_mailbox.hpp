/// LockedMailbox: a mailbox whose every verb takes a lock. Many producers, one consumer anywhere.
///
/// For the cells that need more than a list: clients, whose losses become notes in their place, and
/// overflow policies that reach into what is queued already. One order, two budgets, as Mailbox.
/// Only signals overtake.
///
/// Guarded by one lock, a leaf: nothing is called while it is held.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/fates.hpp"
#include "core/ledger.hpp"
#include "core/mailbox_parts.hpp"
#include "core/spin_lock.hpp"

namespace backstage {

class LockedMailbox {
 public:
  using Options = MailboxOptions;
  using Next = NextMail;
  using Wish = MailWish;
  using Depth = MailboxDepth;
  using Search = MailSearch;
  using Place = MailSearch::Place;

  LockedMailbox();
  ~LockedMailbox();
  LockedMailbox(const LockedMailbox&) = delete;
  LockedMailbox& operator=(const LockedMailbox&) = delete;

  /// Begins a life. The owner counts as awake until try_sleep. [one caller]
  void open(std::uint32_t generation, const Options& options);

  /// Adds one envelope of the given life. Takes it over unless refused (no_actor, stopping, parked,
  /// mailbox_full), which leaves it untouched and counts the refusal. What is dropped for it is
  /// told to `book`. [any]
  [[nodiscard]] PushResult push(EnvelopePtr& envelope, std::uint32_t generation,
                                const FateBook& book = {});

  /// Gives up the oldest publishes of that life until `bytes` are free or none are left, each noted
  /// in its place. Those that would rather end their session than be lost go last, and with it.
  /// [any]
  [[nodiscard]] ShedResult shed(std::uint64_t bytes, std::uint32_t generation,
                                const FateBook& book);

  /// Whether nothing waits and data is welcome in that life: then a message that is handled without
  /// having been in here is counted, as accepted and handled. [actor]
  [[nodiscard]] bool begin_hearing(std::uint32_t generation);
  /// It was not handled after all. [actor]
  void take_back_hearing();

  /// Raises a signal. True: the owner slept and must be posted. [any]
  [[nodiscard]] bool raise(Signal signal, std::uint32_t generation);

  // The rest is for the owner, in its turn. [actor]

  /// The signals raised since, or else the next envelope in arrival order, or neither. An envelope
  /// counts as running until settled. One lock for all of a message's bookkeeping.
  [[nodiscard]] Next next(Wish wish);
  /// Whether mail alone may wake the owner; signals always do.
  void set_mail_wakes(bool mail_wakes);
  /// Refuses new data from now on with `why` (stopping or parked).
  void refuse_data(Errc why);
  /// Takes data again, after parking.
  void welcome_data();
  /// Nobody is told any more that it is parked; what else it refuses stays refused. [any]
  void unpark();
  /// The actor has failed: mail waits. Requests that do not wait are refused with actor_failed from
  /// now on, and those that are queued are returned; the caller settles them.
  [[nodiscard]] std::vector<EnvelopePtr> go_down();
  /// The actor runs: mail wakes it.
  void come_up();
  /// Mail of that subscription waits from now on, without holding up other mail. It keeps its place
  /// in the order, and counts as queued.
  void hold(SubscriptionId subscription);
  /// It comes again. What woke nobody meanwhile is for the caller to wake the owner for.
  void release(SubscriptionId subscription);
  /// Drops what is queued of it, noted as too slow, and holds nothing of it any more.
  void lose_all_of(SubscriptionId subscription, const FateBook& book);
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
  [[nodiscard]] Depth depth() const;
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
  bool lose(EnvelopePtr envelope, DropCause cause, const FateBook& book, Envelope* before);
  Envelope* unlink_data(Envelope* envelope);
  [[nodiscard]] Envelope* first_data();
  [[nodiscard]] bool wake() noexcept;
  void shut() noexcept;
  [[nodiscard]] EnvelopePtr take_first();
  [[nodiscard]] std::vector<EnvelopePtr> take_lists();
  [[nodiscard]] std::vector<EnvelopePtr> take_requests_if(bool must_fail_fast);
  PushResult refuse(Errc why);
  void drop(DropCause cause);
  void tell_tally() noexcept;
  Notes& notes();
  Losses& losses();

  // Written under lock_: the life that is open, or 0.
  std::atomic<std::uint32_t> open_for_{0};
  mutable SpinLock lock_;
  // Guarded by lock_
  List control_;
  List data_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t accepted_ = 0;
  std::uint64_t handled_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::uint64_t told_bytes_ = 0;  // to the tally
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

}  // namespace backstage
