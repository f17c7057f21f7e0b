/// Connection: one peer as the gateway hears it: its messages, its way out, its complaints.
///
/// A session is a guest here: it comes with HELLO or the first command, and goes with BYE, when
/// another connection takes it over, or when this one is gone. What is said on a connection is
/// executed by dispatch.cpp and handle_<verb>.cpp. All of it is [gateway].
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/gateway/house.hpp"
#include "daemon/gateway/last_line.hpp"
#include "daemon/gateway/outbox.hpp"
#include "daemon/wire/command.hpp"
#include "daemon/wire/decode.hpp"
#include "daemon/wire/encode.hpp"

namespace backstage::gateway {

class Session;

class Connection {
 public:
  enum class State : std::uint8_t {
    open,
    leaving,  ///< BYE waits to be sent: what is said meanwhile is meant for a session that is over
    gone,
  };
  /// How it wants its answers; HELLO says so, and says it anew each time.
  struct Wishes {
    bool verbose = false;                    ///< commands without id are answered too
    bool one_frame = false;                  ///< `CTL LF payload`
    bool batch = false;                      ///< what comes within one turn, packed
    std::chrono::milliseconds heartbeat{0};  ///< of silence before it is asked; 0: never
  };

  Connection(House& house, const Peer& peer);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // --- What the transport tells.
  void on_message(InMessage& message);
  void on_writable();
  /// The turn of the loop is over: what was collected for it goes out.
  void on_turn_over();
  /// Its session ends, or waits to be resumed.
  void on_gone();

  // --- What BATCH does.
  /// One message, as on_message, of many that are answered together.
  void execute(InMessage& message);
  /// What is said is executed: neither it nor its session is about to end.
  [[nodiscard]] bool is_listening() const noexcept;
  void expect_answers(std::uint32_t answers) noexcept { outbox_.expect(answers); }

  // --- Its session.
  [[nodiscard]] Session* session() const noexcept { return session_; }
  /// It had one that goes on without it.
  [[nodiscard]] bool has_left_session() const noexcept { return has_left_session_; }
  /// A new one, for a connection that has none. False: refused, and told so.
  [[nodiscard]] bool open_session(std::uint64_t id, std::string_view name);
  void take_in(Session& session) noexcept;
  /// The session is over or elsewhere, and the peer is told `farewell`, if anything. With
  /// `needs_hello` no anonymous one may follow it.
  void let_go(bool needs_hello, std::optional<wire::Status> farewell = std::nullopt);
  /// Its session goes to another connection.
  void on_superseded();
  /// Nothing was heard for a heartbeat: asks for a sign of life, or gives it up.
  void on_silent_interval(TimePoint now);
  /// The daemon stops.
  void say_stopping();

  // --- Answering.
  /// Sends one answer. A full outbox ends the session.
  template <class Answer>
  void say(const Answer& answer, const Payload* payload = nullptr) {
    if constexpr (requires { answer.id; }) note_answered(answer.id);
    house.line.clear();
    wire::encode(house.line, answer);
    put({house.line, payload});
  }
  /// There is an id, or the connection wants an answer in any case.
  [[nodiscard]] bool wants_ok(std::uint64_t id) const noexcept {
    return id != 0 || is_verbose_ || is_lockstep();
  }
  /// OK if an answer is wanted.
  void ok(const wire::Ok& answer);
  /// ERR; without id at most so many a second. `text` is for people, empty for none.
  /// `retry_ms` 0: as is usual for that status.
  void refuse(std::uint64_t id, wire::Status status, std::string_view text = {},
              std::uint64_t retry_ms = 0);
  void refuse(std::uint64_t id, Errc code, std::string_view text = {}) {
    refuse(id, wire::status(code), text);
  }
  void refuse(std::uint64_t id, wire::WireErrc code) { refuse(id, wire::status(code)); }
  /// A delivery; `would_block` leaves it with the caller.
  [[nodiscard]] SendResult deliver(std::string_view control, const Payload* payload);
  /// The same, of a caller who can still let it wait: nothing follows of a peer that is gone.
  [[nodiscard]] SendResult offer(std::string_view control, const Payload& payload);

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  /// Who speaks, as the transport has checked it.
  [[nodiscard]] Principal& principal() const noexcept { return principal_; }
  [[nodiscard]] bool is_lockstep() const noexcept { return peer_.kind == SocketKind::req; }
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }
  /// A REQ socket's message of this turn has had its answer.
  [[nodiscard]] bool is_answered() const noexcept { return is_answered_; }
  [[nodiscard]] bool has_waiting() const noexcept { return !outbox_.empty(); }
  void set_wishes(const Wishes& wishes);

  House& house;

 private:
  void put(const Outgoing& message);
  [[nodiscard]] bool may_complain();
  void on_sign_of_life();
  void forget_heartbeat();
  void note_answered(std::uint64_t id) noexcept;
  void kick();
  void wait_if_blocked() noexcept;
  void execute(const wire::Command& command, const wire::Message& parts, InMessage& message);
  void dispatch(const wire::Command& command, const Payload& payload);
  [[nodiscard]] bool is_refused(const wire::Command& command, std::size_t payload_bytes);
  [[nodiscard]] bool is_forbidden(const wire::Command& command, const InMessage& message);
  [[nodiscard]] bool is_ready_for(const wire::Command& command);

  // Constant after construction
  const Peer peer_;
  Principal& principal_;

  Session* session_ = nullptr;
  State state_ = State::open;
  bool has_left_session_ = false;
  bool is_verbose_ = false;
  bool needs_hello_ = false;   // a named session was ended by the daemon
  bool is_told_full_ = false;  // the daemon knows that it got no session
  bool is_answered_ = true;    // lockstep: the message of this turn
  std::uint32_t complaints_ = 0;
  TimePoint complaints_since_{};
  std::uint64_t turn_ = 0;
  Outbox outbox_;
  LastLine last_line_;

  struct Heartbeat {
    Duration interval{};
    TimePoint next_look = never;
    TimePoint heard_at{};
    std::uint8_t silent_intervals = 0;
  };
  std::unique_ptr<Heartbeat> heartbeat_;  // if it was asked for
};

}  // namespace backstage::gateway
