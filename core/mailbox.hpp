/// Mailbox: the bounded queue of one cell. Many producers, one consumer.
///
/// One order, two budgets: data (send, publish, request) is bounded in messages and bytes; control
/// always has room. Both are taken in arrival order. Only signals (stop, kill, ...) overtake.
///
/// A mailbox with a home is a plain list that only the home's owner touches. Who sends from there
/// links its envelope with plain instructions; who sends from afar pushes it onto a second, lock-
/// free list (Treiber, 1986; taken whole, so that no node is ever popped alone), which the owner
/// merges before it adds or takes anything: so a sender's messages stay in order wherever it moves.
/// A mailbox without a home, or whose options need more than a list, is a LockedMailbox.
///
/// The bound on data is exact for each sender that is alone at that moment; senders from different
/// homes may each be one message over it.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/fates.hpp"
#include "core/home.hpp"
#include "core/ledger.hpp"
#include "core/locked_mailbox.hpp"
#include "core/mailbox_parts.hpp"

namespace backstage {

class Mailbox {
 public:
  using Options = MailboxOptions;
  using Next = NextMail;
  using Wish = MailWish;
  using Depth = MailboxDepth;
  using Search = MailSearch;
  using Place = MailSearch::Place;

  Mailbox() noexcept = default;
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  /// Begins a life. Nothing wakes the owner before it was posted for the first time. [one caller]
  void open(std::uint32_t generation, const Options& options, Home* home = nullptr);

  /// Adds one envelope of the given life. Takes it over unless refused (no_actor, stopping, parked,
  /// mailbox_full), which leaves it untouched and counts the refusal. What is dropped for it is
  /// told to `book`. [any]
  [[nodiscard]] PushResult push(EnvelopePtr& envelope, std::uint32_t generation,
                                const FateBook& book = {});
  /// The same for mail of either kind, whose size is set. Given back only when it is refused.
  /// `take_up(home)` is asked in a Guard of the home when that woke the owner: true, it has been
  /// put into that home's run queue, and nobody posts it.
  template <class TakeUp>
  [[nodiscard, gnu::always_inline]] PushResult push_mail(Mail& mail, std::uint32_t generation,
                                                         const FateBook& book,
                                                         const TakeUp& take_up);

  /// As push_mail, for data that nothing stands in the way of, in fewer instructions.
  enum class Taken : std::uint8_t {
    no,    ///< nothing was done: ask push_mail, it knows more
    in,    ///< taken over; nobody is to be posted
    woke,  ///< taken over; the caller posts the cell
  };
  template <class TakeUp>
  [[nodiscard, gnu::always_inline]] Taken push_data(Home& here, Mail& mail,
                                                    std::uint32_t generation,
                                                    const TakeUp& take_up);

  /// LockedMailbox's; one that has a home hears nothing past its mail. [actor]
  [[nodiscard]] bool begin_hearing(std::uint32_t generation) {
    return is_locked() && locked_->begin_hearing(generation);
  }
  void take_back_hearing() { locked_->take_back_hearing(); }
  /// LockedMailbox's; one without losses to note has nothing to give. [any]
  [[nodiscard]] ShedResult shed(std::uint64_t bytes, std::uint32_t generation,
                                const FateBook& book) {
    return is_locked() ? locked_->shed(bytes, generation, book) : ShedResult{};
  }

  /// Raises a signal. True: the owner may sleep and must be posted. [any]
  [[nodiscard]] bool raise(Signal signal, std::uint32_t generation);

  // --- For executors with homes. Posting what is posted already does nothing.
  /// Null: it has none, and its cell is posted exactly once at a time. [any]
  [[nodiscard]] Home* home() const noexcept { return home_.load(std::memory_order_acquire); }
  enum class Posted : std::uint8_t {
    runs,       ///< the caller runs it, or puts it into its run queue
    is_known,   ///< it runs or waits already, or has nothing to do, or is over
    elsewhere,  ///< it lives in another home: `notice`, and tell its owner
  };
  /// It has work. [owner of `here`, in a Guard; or anybody in a Seizure of it]
  [[nodiscard]] Posted post_at(Home& here) noexcept;
  /// It has work, and its home's owner is to be told (of one without a home, anybody): true once,
  /// until that owner says `noticed`. False: it is being told, or the life is over. [any]
  [[nodiscard]] bool notice() noexcept;
  /// The owner was told. As post_at.
  [[nodiscard]] Posted noticed(Home& here) noexcept;
  /// From its home to `home`. Its cell must not run. [in a Seizure or a Loan of the one it leaves]
  void move_to(Home& home) noexcept { home_.store(&home, std::memory_order_release); }
  /// It runs, or is in its home's run queue, or on its way there. [as move_to]
  [[nodiscard]] bool is_scheduled() const noexcept { return is_scheduled_; }

  // The rest is for the owner, in its turn. [actor]

  /// The signals raised since, or else the next envelope in arrival order, or neither. An envelope
  /// counts as running until settled.
  [[nodiscard]] Next next(Wish wish);
  /// What next({true, true, settles_before}) would take, in few instructions, if that is easy.
  struct Easy {
    Mail* mail = nullptr;  ///< the caller owns it
    bool sleeps = false;   ///< there was none: the owner sleeps
  };  ///< neither: nothing was done, not even settled; ask `next`
  [[nodiscard, gnu::always_inline]] Easy take(bool settles_before);
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
  // Of a mailbox that notes losses; LockedMailbox's, which see. Others hold nothing.
  void hold(SubscriptionId subscription);
  void release(SubscriptionId subscription);
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
  [[nodiscard]] bool is_open_for(std::uint32_t generation) const noexcept;
  /// A snapshot. [any]
  [[nodiscard]] Ledger ledger() const;
  /// False: nothing of it was refused, dropped or dead-lettered. True: maybe, or in an earlier
  /// life.
  [[nodiscard]] bool has_losses() const noexcept {
    return is_locked() || losses_.load(std::memory_order_acquire) != nullptr;
  }
  [[nodiscard]] std::uint64_t handled() const noexcept { return handled_.get(); }
  [[nodiscard]] std::uint64_t queued() const;
  [[nodiscard]] Depth depth() const;
  /// Where a message waits, among the first `looks_max`. [any]
  [[nodiscard]] Search find(MessageId id, std::uint64_t looks_max) const;
  /// Counts what it holds anew: counters, bytes, order and bounds agree. For tests: slow. [any]
  [[nodiscard]] bool is_consistent() const;

 private:
  /// Written by one thread at a time, read by any.
  template <class Number>
  class Count {
   public:
    [[nodiscard]] Number get() const noexcept { return value_.load(std::memory_order_relaxed); }
    void set(Number value) noexcept { value_.store(value, std::memory_order_relaxed); }
    void add(Number more) noexcept { set(get() + more); }
    void sub(Number less) noexcept { set(get() - less); }

   private:
    std::atomic<Number> value_{0};
  };
  struct Losses {  // the rare counters, made on first use: an idle actor is small
    std::atomic<std::uint64_t> dead_lettered{0};
    std::array<std::atomic<std::uint64_t>, drop_cause_count> dropped{};
    std::array<std::atomic<std::uint64_t>, errc_count> refused{};
  };

  // gate_: the generation in the upper half, then 16 bits of signals, then these.
  static constexpr std::uint64_t open_bit = 1U << 0U;
  static constexpr std::uint64_t posted_bit = 1U << 1U;
  static constexpr std::uint64_t down_bit = 1U << 2U;
  static constexpr std::uint64_t locked_bit = 1U << 3U;
  static constexpr std::uint64_t stopping_bit = 1U << 4U;
  static constexpr std::uint64_t parked_bit = 1U << 5U;
  static constexpr unsigned signals_shift = 16;
  static constexpr std::uint64_t signals_mask = std::uint64_t{0xFFFF} << signals_shift;
  static constexpr unsigned generation_shift = 32;
  // afar_: an envelope's address, tags in the bits that its alignment leaves free, and on top of it
  // 16 bits of the generation, so that a push meant for an earlier life cannot succeed.
  static constexpr std::uint64_t noticed_tag = 1U << 0U;
  static constexpr std::uint64_t closed_tag = 1U << 1U;
  static constexpr std::uint64_t tags_mask = noticed_tag | closed_tag;
  static constexpr unsigned life_shift = 48;
  static constexpr std::uint64_t life_mask = std::uint64_t{0xFFFF} << life_shift;
  // afar_data_: messages, and bytes below them.
  static constexpr unsigned messages_shift = 40;

  [[nodiscard]] static constexpr std::uint64_t generation_of(std::uint64_t gate) noexcept {
    return gate >> generation_shift;
  }
  /// What the gate of a mailbox that takes everything looks like, but for signals.
  [[nodiscard]] static constexpr std::uint64_t welcome(std::uint32_t generation) noexcept {
    return std::uint64_t{generation} << generation_shift | open_bit | posted_bit;
  }
  [[nodiscard]] static Mail* mail_of(std::uint64_t afar) noexcept;
  [[nodiscard]] static std::uint64_t life_tag(std::uint32_t generation) noexcept {
    return std::uint64_t{generation} << life_shift;
  }
  [[nodiscard]] static Errc closed_for(std::uint64_t gate, const Mail& mail,
                                       std::uint32_t generation) noexcept;
  [[nodiscard]] bool is_locked() const noexcept {
    return (gate_.load(std::memory_order_acquire) & locked_bit) != 0;
  }
  template <class TakeUp>
  [[nodiscard, gnu::always_inline]] PushResult push_here(Home& here, Mail& mail,
                                                         std::uint32_t generation,
                                                         const TakeUp& take_up);
  [[nodiscard, gnu::noinline]] std::optional<PushResult> look_closer(const Mail& mail,
                                                                     std::uint32_t generation);
  [[nodiscard]] PushResult push_from_afar(Mail& mail, std::uint32_t generation,
                                          const FateBook& book);
  [[nodiscard]] PushResult push_locked(Mail& mail, std::uint32_t generation, const FateBook& book);
  [[nodiscard]] PushResult push_closed(std::uint64_t gate, Errc why, std::uint32_t generation);
  [[nodiscard]] bool reserve(const Mail& mail) noexcept;
  void give_back(const Mail& mail) noexcept;
  [[nodiscard]] bool has_room(std::uint64_t afar_data, std::size_t size) const noexcept;
  [[nodiscard]] bool set_posted() noexcept;
  void set_gate(std::uint64_t clear, std::uint64_t set) noexcept;
  PushResult refuse(Errc why);
  Losses& losses();

  // In a Guard of the home, or a Seizure
  [[nodiscard]] bool has_afar() const noexcept {
    return mail_of(afar_.load(std::memory_order_seq_cst)) != nullptr;
  }
  [[nodiscard]] bool has_mail() const noexcept { return first_ != nullptr || has_afar(); }
  void merge_afar() noexcept;
  static void destroy(Mail& mail) noexcept;
  void take_in(Mail* chain) noexcept;
  void append(Mail& mail) noexcept;
  void link(Mail& mail) noexcept {
    mail.next = nullptr;
    (last_ == nullptr ? first_ : last_->next) = &mail;
    last_ = &mail;
  }
  void count_data(const Mail& mail) noexcept {
    data_count_.add(1);
    data_bytes_.add(mail.size);
    accepted_.add(1);
  }
  [[nodiscard]] Mail* take_first() noexcept;
  [[nodiscard]] EnvelopePtr take_alone();
  void count_taken(const Mail& mail) noexcept;
  void count_drop(DropCause cause) noexcept;
  template <class See>
  void for_each_queued(const See& see) const;
  [[nodiscard]] std::vector<EnvelopePtr> take_requests_if(bool must_fail_fast);
  [[nodiscard]] std::vector<EnvelopePtr> close_here();

  // The first cache line is what sending and taking need, the second the rest of the books.
  std::atomic<std::uint64_t> gate_{0};
  std::atomic<Home*> home_{nullptr};
  std::atomic<std::uint64_t> afar_{closed_tag};
  std::atomic<std::uint64_t> afar_data_{0};
  // Written in a Guard of the home, or a Seizure
  Mail* first_ = nullptr;
  Mail* last_ = nullptr;
  Count<std::uint64_t> data_bytes_;
  Count<std::uint32_t> data_count_;
  Count<std::uint32_t> running_;  // taken, not settled

  Count<std::uint64_t> accepted_;
  Count<std::uint64_t> handled_;
  Count<std::uint64_t> bytes_max_;  // written when a life begins, as is the next
  Count<std::uint32_t> messages_max_;
  Count<std::uint32_t> control_count_;  // counted control only: no barriers
  std::atomic<std::uint32_t> afar_control_{0};
  bool is_scheduled_ = false;  // it runs, or is in its home's run queue
  bool mail_wakes_ = true;
  std::atomic<Losses*> losses_{nullptr};
  std::unique_ptr<LockedMailbox> locked_;  // made once, kept for the slot's later lives
};

}  // namespace backstage

#include "core/mailbox_inline.hpp"
