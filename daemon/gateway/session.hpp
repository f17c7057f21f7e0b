/// Session: one external client as the daemon knows it: its name, its cell, and its books.
///
/// What the client says comes by its connection, the route (dispatch.cpp, handle_<verb>.cpp); what
/// the engine has for it comes through its cell's mailbox to the ClientActor. Answers made at once
/// go out through the route's outbox, and nothing is delivered while an answer waits there, so that
/// one order holds. All of it is [gateway].
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/context.hpp"
#include "core/id_map.hpp"
#include "core/name_ref.hpp"
#include "core/on_use.hpp"
#include "daemon/gateway/connection.hpp"
#include "daemon/gateway/flow.hpp"
#include "daemon/gateway/house.hpp"
#include "daemon/gateway/kept_answers.hpp"
#include "daemon/gateway/replay.hpp"
#include "daemon/wire/encode.hpp"

namespace backstage::gateway {

class Session {
 public:
  enum class State : std::uint8_t {
    active,    ///< has a cell and a route
    detached,  ///< has a cell, which keeps its mail, and waits for a route
    ending,    ///< the cell has been told to end
    over,      ///< no cell: to be forgotten
  };
  struct Subscription {
    std::uint64_t number = 0;
    NameRef pattern;
    wire::Over over = wire::Over::oldest;
    bool is_over = false;          ///< UNSUB was said
    std::unique_ptr<Flow> flow{};  ///< if it is acknowledged, or may have to be resumed
  };
  /// A question of this client's that has no answer yet.
  struct Asked {
    std::uint64_t id = 0;        ///< the client's
    std::uint64_t turn = 0;      ///< a REQ socket's message that it belongs to
    std::uint64_t deadline = 0;  ///< its number among the house's; 0: the engine sees to it
  };
  /// A question to this client that it has not answered yet.
  struct Open {
    RequestRef request;
    TimePoint deadline;
  };

  /// Its secret: 128 bits in hex, not to be guessed.
  using Token = std::array<char, 32>;

  Session(House& house, Connection& route, const Token& token);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- Beginning and end.
  /// Takes a name in the engine; empty: `client.<hex>`. Errors: name_in_use, actors_full, stopping.
  [[nodiscard]] Result<void> open(std::string_view name);
  /// Ends the session: the cell ends within this turn of the loop, then on_cell_ended.
  /// `farewell` instead of what BYE says of `reason`.
  void end(EndReason reason, std::optional<wire::Status> farewell = std::nullopt);
  /// The rules have changed: ends the subscriptions and watches that they no longer allow, telling
  /// the client; a session that waits to be resumed ends as a whole.
  /// Nothing of these is delivered any more, what waits neither. How many.
  std::size_t apply_rules();
  /// The client said BYE and has been answered.
  void end_by_client();
  /// The cell is over; its names and subscriptions are gone.
  void on_cell_ended(EndReason reason);
  void say_draining(std::chrono::milliseconds within);

  // --- Its route.
  /// How long it outlives its route; 0: not at all. What it says is capped.
  void set_ttl(std::chrono::seconds ttl);
  /// It waits for another, or ends if it was not to be kept. `waiting` was not sent.
  void on_route_lost(std::list<Outbox::Single> waiting);
  /// The same, for one that has another at once.
  void lose_route(std::list<Outbox::Single> waiting);
  /// A connection takes it over; it has said WELCOME.
  void resume_on(Connection& route);
  /// After WELCOME: what is told before anything new.
  void begin_replay();
  /// Whether it may be resumed, now and by that principal.
  [[nodiscard]] bool may_be_resumed_by(const Peer& peer) const noexcept;
  /// It was opened without HELLO: nobody knows it but its connection, which has a better one.
  void give_way();
  /// Answers wait no longer: deliveries may go on.
  void on_writable();

  // --- Answering.
  /// Sends one answer. A full outbox ends the session.
  template <class Answer>
  void say(const Answer& answer, const Payload* payload = nullptr) {
    if (route_ != nullptr) route_->say(answer, payload);
  }
  /// As Connection's.
  void ok(const wire::Ok& answer) {
    if (route_ != nullptr) route_->ok(answer);
  }
  void refuse(std::uint64_t id, wire::Status status, std::string_view text = {}) {
    if (route_ != nullptr) route_->refuse(id, status, text);
  }
  void refuse(std::uint64_t id, Errc code, std::string_view text = {}) {
    refuse(id, wire::status(code), text);
  }
  void refuse(std::uint64_t id, wire::WireErrc code) { refuse(id, wire::status(code)); }
  /// Answers a SEND or PUB, and keeps the answer if ids are kept.
  void settle(std::uint64_t id, const KeptAnswer& answer);
  /// Whether the id was answered before: it is answered again, and nothing is to be done.
  [[nodiscard]] bool is_repeated(std::uint64_t id);
  /// A delivery; `would_block` leaves it with the caller.
  [[nodiscard]] SendResult deliver(std::string_view control, const Payload* payload);
  /// Answers that a lost route left; told after a resume.
  [[nodiscard]] std::list<Outbox::Single>& waiting() noexcept { return waiting_; }
  void note_answered(std::uint64_t id) noexcept { last_id_ = std::max(last_id_, id); }

  // --- Subscriptions with a flow (session_flow.cpp).
  /// What SUB asked for. What was delivered before is to be acknowledged as it was.
  void pace(SubscriptionId id, std::uint32_t window, bool ack);
  /// A message or GAP was handed to the route.
  void on_handed(SubscriptionId id, Subscription& subscription, const Envelope& envelope);
  /// False: there is no such subscription.
  [[nodiscard]] bool acknowledge(const wire::Ack& ack);
  /// That of the pattern, if it is not ended; else the end.
  [[nodiscard]] std::map<SubscriptionId, Subscription>::iterator find(const Pattern& pattern);
  /// UNSUB was said: what waits of it is told as lost.
  void end_flow(SubscriptionId id);
  /// Its last message has been delivered.
  void forget_subscription(SubscriptionId id);

  // --- What waits for the client.
  [[nodiscard]] std::uint64_t waiting_bytes() const;
  /// Gives up published messages, oldest first. Returns how many bytes.
  std::uint64_t shed(std::uint64_t bytes);

  // --- For the handlers and the client actor.
  [[nodiscard]] Context context() { return house.engine.context_of(*cell_); }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool has_cell() const noexcept { return cell_ != nullptr; }
  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] std::string_view token() const noexcept { return {token_.data(), token_.size()}; }
  /// Who it belongs to, as of HELLO: nobody else may resume it.
  [[nodiscard]] Principal& principal() const noexcept { return principal_; }
  [[nodiscard]] bool is_lockstep() const noexcept { return is_lockstep_; }
  [[nodiscard]] Connection* route() const noexcept { return route_; }
  /// Nothing is delivered now: it has no route, or a resume is being told.
  [[nodiscard]] bool is_paused() const noexcept { return route_ == nullptr || replay_ != nullptr; }
  /// It outlives its route.
  [[nodiscard]] bool is_kept() const noexcept { return ttl_.count() != 0; }
  [[nodiscard]] TimePoint expires_at() const noexcept { return expires_at_; }
  [[nodiscard]] std::uint64_t last_id() const noexcept { return last_id_; }
  [[nodiscard]] bool has_said_hello() const noexcept { return has_said_hello_; }
  void on_hello() noexcept { has_said_hello_ = true; }
  [[nodiscard]] std::uint64_t turn() const noexcept { return route_ ? route_->turn() : 0; }
  [[nodiscard]] bool has_waiting() const noexcept { return route_ && route_->has_waiting(); }
  /// As Context::resolve; whom it addressed last is not looked up again.
  [[nodiscard]] Result<ActorId> resolve(std::string_view actor);

  House& house;

  // The session's books. Those that a MSG needs are there at once.
  /// One that was ended stays until what it had brought is delivered.
  std::map<SubscriptionId, Subscription> subscriptions;
  std::uint32_t subscribed = 0;  ///< how many of them are not ended
  std::uint64_t last_subscription = 0;
  IdMap<RequestId, Asked> asked;
  OnUse<std::map<std::uint64_t, Open>> open_requests;  ///< by rid
  std::uint64_t last_rid = 0;
  /// UNSUBs whose OK waits behind the last delivery, by barrier.
  struct Ending {
    std::uint64_t id = 0;
    SubscriptionId subscription{};
  };
  OnUse<std::unordered_map<RequestId, Ending>> barriers;
  std::uint64_t last_barrier = 0;
  /// Where it published last (topics live with the engine), and when that was last allowed.
  struct Published {
    Topic* topic = nullptr;
    std::uint64_t allowed_at = 0;
  };
  Published last_published;
  struct Target {
    NameRef name;
    ActorId id{};
  };
  std::unique_ptr<Target> last_target;                ///< null: none yet
  OnUse<std::set<std::string, std::less<>>> watches;  ///< names

 private:
  void leave_route(EndReason reason);
  void answer_the_asked(Connection& route, wire::Status status);
  void raise(Signal signal);
  /// Answers are kept for repeated ids.
  [[nodiscard]] bool keeps_answers() const noexcept { return is_named_ || is_kept(); }
  [[nodiscard]] bool cover(const wire::Ack& ack, const Subscription& subscription);
  void hold_or_release(SubscriptionId id, Flow& flow);
  void count_in_flight(std::uint64_t before, std::uint64_t after);
  void end_now(Signal signal);
  void leave_detached();

  const Token token_;
  Principal& principal_;
  Connection* route_;
  State state_ = State::active;
  Cell* cell_ = nullptr;
  ActorId cell_id_;
  NameRef name_;  // its cell's
  const bool is_lockstep_;
  bool is_named_ = false;
  bool ended_by_client_ = false;
  bool has_said_hello_ = false;
  bool is_over_budget_ = false;                   // what is in flight holds as many bytes as it may
  std::unique_ptr<const wire::Status> farewell_;  // null: what `reason` says
  KeptAnswers kept_;
  std::uint64_t last_id_ = 0;

  // To be resumed
  std::chrono::seconds ttl_{0};
  TimePoint expires_at_ = never;
  std::list<Outbox::Single> waiting_;
  std::unique_ptr<Replay> replay_;
  struct Flows {
    std::map<std::uint64_t, SubscriptionId> by_number;
    std::uint64_t deliveries = 0;
    std::uint64_t in_flight_bytes = 0;
    std::size_t handed_addresses = 0;
  };
  std::unique_ptr<Flows> flows_;  // made with the first
};

}  // namespace backstage::gateway
