// Witness: knows from outside what must be true, and compares. It learns of each acceptance from
// the verb's answer and of each fate from handlers and the observer, never from the engine's books.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/engine.hpp"
#include "core/observer.hpp"
#include "tests/sim/world.hpp"

namespace backstage::sim {

// One made actor object: what it holds dies with it. Owned by its player.
struct Self {
  ActorId id;
  bool has_ended = false;
  std::set<TimerId> once;  // timers set and not fired or cancelled
  std::set<TimerId> periodic;
  std::set<TimerId> of_beginning;  // of `once`, those set while it was made
  std::set<RequestId> asked;       // open, as their asker
  std::vector<RequestRef> open;    // not answered, as the one asked
};

// Which checks the run's faults leave possible.
struct Checks {
  bool sequences_are_whole = true;  // no delivery is refused by a fault
  bool notices_arrive = true;       // no handler fails before it is called
  bool matches_are_known = true;    // no rule subscribes on an actor's behalf
};

class Witness final : public Observer {
 public:
  Witness(Journal& journal, Checks checks) : journal_(journal), checks_(checks) {}

  // --- What was accepted. Every data message carries a number of its own; later ones are higher.
  [[nodiscard]] std::uint64_t next_number() noexcept { return ++last_number_; }
  void accepted(std::uint64_t number, ActorId to, Kind kind);
  void asked(RequestRef request, TimePoint deadline) { deadlines_[request] = deadline; }
  void subscribed(ActorId who, bool is_client, const Pattern& pattern,
                  const SubscribeOptions& options, const Subscribed& subscribed);
  void unsubscribed(SubscriptionId id);
  void monitored(ActorId watcher, ActorId target);
  void demonitored(ActorId watcher, ActorId target);
  void published(const Address& address, const Published& published);

  // --- What a self sees.
  void begins(Self& self, ActorId id);
  void receives(Self& self, const Envelope& envelope);
  // The handler is through: handled, or failed.
  void settles(Self& self, const Envelope& envelope, bool is_handled);
  // `heir` is the actor's self from here on, in the place of `former`.
  void passes(Self& former, Self& heir, bool is_fresh, TimePoint now);
  void ends(Self& self, EndReason reason, TimePoint now);

  // --- Observer
  void spawned(ActorId id, std::string_view name, std::string_view type) noexcept override;
  void started(ActorId id, std::string_view name, std::string_view type) noexcept override;
  void failed(ActorId id, std::string_view name, std::string_view reason) noexcept override;
  void restarting(ActorId id, std::string_view name, Duration after) noexcept override;
  void parked(ActorId id, std::string_view name, std::string_view reason) noexcept override;
  void abandoned(ActorId id, std::string_view name) noexcept override;
  void ended(ActorId id, std::string_view name, EndReason reason) noexcept override;
  void dead_letter(DeadCause cause, std::string_view target,
                   std::string_view reason) noexcept override;

  // --- Once nothing moves any more.
  void check_quiet(const Engine& engine, const std::set<ActorId>& parked);
  void check_over(const Engine& engine);

 private:
  void fails_open(const Self& self, TimePoint now);
  struct Fate {
    ActorId to;
    std::uint32_t handled = 0;
    std::uint32_t failed = 0;
  };
  struct Known {
    ActorId who;
    bool is_client = false;
    Pattern pattern;
    std::optional<std::uint64_t> next;  // of a client's exact subscription: what must come
  };
  // Clients see each subscription by itself; an actor sees a publish once, whatever it matches.
  using SeenKey = std::tuple<ActorId, SubscriptionId, const Topic*>;
  [[nodiscard]] SeenKey key_of(const Envelope& envelope, ActorId to) const;
  [[nodiscard]] std::uint32_t matches(const Address& address) const;
  void check_contiguous(const Envelope& envelope, std::uint64_t last);
  void check_order(const Envelope& envelope, ActorId to, std::uint64_t number);
  void check_publish(const Envelope& envelope, ActorId to);
  void check_gap(const Envelope& envelope, ActorId to);
  void check_failure_told(const Envelope& envelope, ActorId to);
  void check_down(const Envelope& envelope, ActorId to);

  Journal& journal_;
  const Checks checks_;
  std::uint64_t last_number_ = 0;
  std::map<std::uint64_t, Fate> fates_;
  std::map<std::pair<ActorId, ActorId>, std::uint64_t> last_of_pair_;
  std::map<std::string, std::uint64_t> last_published_;
  std::map<SubscriptionId, Known> subscriptions_;
  std::set<ActorId> clients_;  // that have ever subscribed
  std::map<SeenKey, std::uint64_t> seen_;
  std::map<ActorId, std::uint32_t> snapshots_asked_;
  std::map<std::pair<ActorId, const Topic*>, std::uint32_t> snapshots_;
  std::map<RequestRef, TimePoint> deadlines_;
  std::set<RequestRef> must_fail_;  // open when the one asked lost its self, in time
  std::set<std::pair<ActorId, ActorId>> monitors_;
  std::set<ActorId> alive_;    // spawned and not ended
  std::set<ActorId> running_;  // has a self that may handle
  std::map<ActorId, Self*> selves_;
  std::uint64_t handled_ = 0;
  std::uint64_t dead_ = 0;
};

// The number a payload carries, if it is one of ours.
[[nodiscard]] std::optional<std::uint64_t> number_in(const Payload& payload);
[[nodiscard]] Payload numbered(std::uint64_t number, std::size_t bytes);

}  // namespace backstage::sim
