/// Session: one external client as the daemon knows it: its connection, and its cell in the engine.
///
/// What the client says is executed here (dispatch.cpp, handle_<verb>.cpp); what the engine has for
/// it comes through its cell's mailbox to the ClientActor. Answers made at once go out through the
/// outbox, and nothing is delivered while an answer waits there, so that one order holds.
/// All of it is [gateway].
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/context.hpp"
#include "core/string_map.hpp"
#include "daemon/gateway/house.hpp"
#include "daemon/gateway/kept_answers.hpp"
#include "daemon/gateway/outbox.hpp"
#include "daemon/wire/command.hpp"
#include "daemon/wire/decode.hpp"
#include "daemon/wire/encode.hpp"

namespace backstage::gateway {

class Session {
 public:
  enum class State : std::uint8_t {
    fresh,    ///< a connection without a session: the next verb begins one
    active,   ///< has a cell
    ending,   ///< the cell has been told to end
    leaving,  ///< no cell; BYE waits to be sent
    gone,     ///< the connection is no more
  };
  struct Subscription {
    std::uint64_t number = 0;
    std::string pattern;
    wire::Over over = wire::Over::oldest;
  };
  /// A question of this client's that has no answer yet.
  struct Asked {
    std::uint64_t id = 0;    ///< the client's
    std::uint64_t turn = 0;  ///< a REQ socket's message that it belongs to
  };
  /// A question to this client that it has not answered yet.
  struct Open {
    RequestRef request;
    TimePoint deadline;
  };

  Session(House& house, const Peer& peer);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // --- What the transport tells.
  void on_message(InMessage& message);
  void on_writable();
  void on_gone();

  // --- Beginning and end.
  /// Takes a name in the engine; empty: `client.<hex>`. Errors: name_in_use, actors_full, stopping.
  [[nodiscard]] Result<void> open(std::string_view name);
  /// Ends the session: the cell ends within this turn of the loop, then on_cell_ended.
  void end(EndReason reason);
  /// The client said BYE and has been answered.
  void end_by_client();
  /// The cell is over; its names and subscriptions are gone.
  void on_cell_ended(EndReason reason);
  /// The daemon stops: BYE to a connection that has no session.
  void say_stopping();
  void say_draining(std::chrono::milliseconds within);

  // --- Answering.
  /// Sends one answer. A full outbox ends the session.
  template <class Answer>
  void say(const Answer& answer, const Payload* payload = nullptr) {
    line_.clear();
    wire::encode(line_, answer);
    put({line_, payload});
  }
  /// OK if an answer is wanted: there is an id, or the session or socket wants one in any case.
  void ok(const wire::Ok& answer);
  /// ERR; without id at most so many a second. `text` is for people, empty for none.
  void refuse(std::uint64_t id, wire::Status status, std::string_view text = {});
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

  // --- For the handlers and the client actor.
  [[nodiscard]] Context context() { return house.engine.context_of(*cell_); }
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool has_cell() const noexcept { return cell_ != nullptr; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  [[nodiscard]] bool is_lockstep() const noexcept { return peer_.kind == SocketKind::req; }
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }
  [[nodiscard]] bool has_waiting() const noexcept { return !outbox_.empty(); }
  void set_verbose(bool verbose) noexcept { is_verbose_ = verbose; }
  void set_one_frame(bool one_frame) noexcept { outbox_.set_one_frame(one_frame); }

  House& house;

  // The session's books; emptied when it ends.
  std::unordered_map<SubscriptionId, Subscription> subscriptions;
  StringMap<SubscriptionId> by_pattern;
  std::uint64_t last_subscription = 0;
  std::unordered_map<RequestId, Asked> asked;
  std::map<std::uint64_t, Open> open_requests;  ///< by rid
  std::uint64_t last_rid = 0;
  /// UNSUBs whose OK waits behind the last delivery, by barrier.
  struct Ending {
    std::uint64_t id = 0;
    SubscriptionId subscription{};
  };
  std::unordered_map<RequestId, Ending> barriers;
  std::uint64_t last_barrier = 0;

 private:
  void put(const Outgoing& message);
  [[nodiscard]] bool may_complain();
  void dispatch(const wire::Command& command, const Payload& payload);
  [[nodiscard]] bool is_refused(const wire::Command& command, std::size_t payload_bytes);
  [[nodiscard]] bool is_ready_for(const wire::Command& command);
  void answer_the_asked(wire::Status status);
  void forget_books();
  void raise(Signal signal);

  // Constant after construction
  const Peer peer_;

  State state_ = State::fresh;
  Cell* cell_ = nullptr;
  ActorId cell_id_;
  std::string name_;
  bool is_named_ = false;
  bool is_verbose_ = false;
  bool needs_hello_ = false;  // a named session was ended by the daemon
  bool ended_by_client_ = false;
  bool is_answered_ = true;  // lockstep: the message of this turn
  std::uint64_t turn_ = 0;
  Outbox outbox_;
  KeptAnswers kept_;
  std::string line_;  // kept for its capacity
  TimePoint complaints_since_{};
  std::uint32_t complaints_ = 0;
};

}  // namespace backstage::gateway
