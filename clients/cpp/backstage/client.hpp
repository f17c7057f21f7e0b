/// The C++20 client of backstaged over ZeroMQ: header-only, needs cppzmq, and the other
/// client_*.hpp beside it.
///
///   auto daemon = backstage::client::connection::open("tcp://127.0.0.1:7770");
///   if (!daemon.ok()) return complain(daemon.error());
///   const auto answer = daemon.value().request("counter", "5");
///
/// **One thread.** A connection has no thread of its own and belongs to one thread at a time.
/// Calls wait for the daemon's answer, their timeout at most. Handlers are called by poll() and
/// run() alone, one at a time, never inside another call; what arrives meanwhile waits for them. A
/// handler may make any call but close(). Call poll() at least every few seconds: it also answers
/// the daemon's PING, notices a dead connection, and brings it back.
///
/// **Connections break.** The client connects again by itself. With a `ttl` it resumes its session
/// by its token, and nothing is lost that `is_acked` asked to keep: SEND and PUB that were not
/// answered are sent again with their ids, which the daemon executes once. Otherwise, or when the
/// session is gone, it opens a new one, subscribes and watches again, tells what it missed as gaps
/// (in the same epoch), and calls that were sent and not answered end as `lost`.
///
/// Nothing throws but for want of memory, and what handlers of subscriptions throw: that leaves
/// poll(), and the message is acknowledged with the next one.
#pragma once
#include <unistd.h>

#include "client_session.hpp"

namespace backstage::client {

struct send_options {
  std::string type{};
  bool is_confirmed = true;  ///< false: returns when sent; a refusal goes to on_refused
  milliseconds timeout{0};   ///< 0: that of the connection
};
struct publish_options {
  std::string type{};
  bool is_retained = false;
  bool is_confirmed = true;
  milliseconds timeout{0};
};
/// What is in effect; window and is_acked are not where the daemon answers 501.
struct subscribed {
  std::optional<std::uint64_t> seq{};  ///< the last before the subscription; none for a wildcard
  std::uint32_t window = 0;
  bool is_acked = false;
};
/// One SEND to an actor, or one PUB on an address.
struct batch_entry {
  std::string target{};
  std::string payload{};
  std::string type{};
  bool is_publish = false;
  bool is_retained = false;
};

class connection {
 public:
  template <class T>
  using then = std::function<void(outcome<T>)>;

  /// Connects and opens the session. `endpoint` may be a path: endpoints.json or its directory;
  /// empty: this user's daemon. Errors: bad_endpoint, unreachable, those of HELLO.
  static outcome<connection> open(const std::string& endpoint = {}, const options& with = {}) {
    const auto find = [endpoint] {
      return endpoint.empty() ? find_endpoint(std::to_string(::getuid())) : endpoint_in(endpoint);
    };
    const auto bad = [&endpoint](const std::string& why) {
      return error{0, "bad_endpoint", endpoint + ": " + why,
                   "give one such as tcp://127.0.0.1:7770 or ipc:///path/cmd.sock, or the daemon's "
                   "runtime directory; keys are 40 characters"};
    };
    if (!endpoint.empty() && !is_place(endpoint)) return bad("no endpoint, and no directory");
    try {
      connection made(std::make_unique<detail::session>(find, with));
      auto& session = *made.session_;
      const auto until = detail::clock::now() + with.connect_timeout;
      while (!made.is_up() && !session.fatal_ && detail::clock::now() < until) session.step(until);
      if (made.is_up()) return outcome<connection>(std::move(made));
      return session.fatal_ ? *session.fatal_ : session.unreachable("HELLO", with.connect_timeout);
    } catch (const zmq::error_t& thrown) {
      return bad(thrown.what());
    }
  }
  connection(connection&&) = default;
  connection& operator=(connection&&) = delete;
  ~connection() {
    if (session_ != nullptr) close();
  }

  /// Puts a message into an actor's mailbox; it is not handled yet when this returns.
  outcome<receipt> send(std::string_view actor, std::string_view payload,
                        const send_options& with = {}) {
    return receipt_of(session_->ask(send_command(actor, payload, with), with.is_confirmed));
  }
  /// Asks one actor: its reply, the daemon's refusal, or `no_answer` when even the daemon's own
  /// `504 timeout` stays out for a second.
  outcome<reply> request(std::string_view actor, std::string_view payload,
                         milliseconds timeout = {}, std::string_view type = {}) {
    return reply_of(session_->ask(request_command(actor, payload, timeout, type)));
  }
  /// Publishes on `actor/topic`, or on `/topic` of the own name.
  outcome<receipt> publish(std::string_view address, std::string_view payload,
                           const publish_options& with = {}) {
    return receipt_of(session_->ask(publish_command(address, payload, with), with.is_confirmed));
  }
  /// The same without waiting: poll() calls `told` with the outcome. What is started together goes
  /// to the daemon together.
  void start_send(std::string_view actor, std::string_view payload, const send_options& with,
                  then<receipt> told) {
    start(send_command(actor, payload, with), receipt_of, std::move(told));
  }
  void start_request(std::string_view actor, std::string_view payload, milliseconds timeout,
                     then<reply> told, std::string_view type = {}) {
    start(request_command(actor, payload, timeout, type), reply_of, std::move(told));
  }
  void start_publish(std::string_view address, std::string_view payload,
                     const publish_options& with, then<receipt> told) {
    start(publish_command(address, payload, with), receipt_of, std::move(told));
  }
  /// Many in one message of the protocol; the outcome of each, in their order.
  std::vector<outcome<receipt>> batch(const std::vector<batch_entry>& entries) {
    std::vector<std::optional<outcome<detail::answer>>> got(entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto& it = entries[i];
      session_->begin(it.is_publish
                          ? publish_command(it.target, it.payload, {it.type, it.is_retained})
                          : send_command(it.target, it.payload, {it.type}),
                      [&got, i](outcome<detail::answer> one) { got[i] = std::move(one); });
    }
    std::vector<outcome<receipt>> all;
    for (auto& one : got) {
      while (!one) session_->step(detail::clock::time_point::max());
      all.push_back(receipt_of(*std::move(one)));
    }
    return all;
  }

  /// Returns after the daemon's acknowledgement. Each delivery goes to `on_message`, and is
  /// acknowledged after it if there is a window or `is_acked`; what will not come goes to `on_gap`.
  /// Subscribing again to a pattern replaces options and handlers.
  outcome<subscribed> subscribe(std::string_view pattern, const subscribe_options& with,
                                std::function<void(const message&)> on_message,
                                std::function<void(const gap&)> on_gap = {}) {
    const bool is_new = !session_->deliveries_.has(with_topic(pattern));
    const auto sub = session_->deliveries_.at(with_topic(pattern));
    sub->with = with;
    sub->told = std::make_shared<const detail::subscription::handlers>(std::move(on_message),
                                                                       std::move(on_gap));
    std::optional<outcome<detail::answer>> got;
    session_->begin_subscribe(sub, [&got](outcome<detail::answer> one) { got = std::move(one); });
    while (!got) session_->step(detail::clock::time_point::max());
    if (!got->ok() && is_new) session_->deliveries_.forget(sub->pattern);
    if (!got->ok()) return got->error();
    const auto seq = words(got->value().line).key("seq");
    return subscribed{seq.empty() ? std::nullopt : std::optional(words::to_number(seq)),
                      sub->with.window, sub->with.is_acked};
  }
  /// No handler of it is called any more when this returns without an error.
  outcome<receipt> unsubscribe(std::string_view pattern) {
    auto got = session_->ask({"UNSUB", pattern});
    const bool is_gone = got.ok() || got.error().token == "no_sub";
    if (is_gone) session_->deliveries_.forget(with_topic(pattern));
    return receipt_of(std::move(got));
  }
  /// The value last published there with `is_retained`.
  outcome<value> get(std::string_view address) {
    auto got = session_->ask({"GET", address});
    if (!got.ok()) return got.error();
    const words line(got.value().line);
    return value{std::string{line.at(2)}, line.number(3), std::string{line.at(4)},
                 std::string{line.key("type")}, std::move(got.value().payload)};
  }
  /// Tells once of the actor's end, with the reason; `no_actor` if there is none.
  outcome<receipt> watch(const std::string& actor, std::function<void(std::string)> on_down) {
    session_->watches_[actor] = std::move(on_down);
    auto got = session_->ask({"WATCH", actor});
    if (!got.ok()) session_->watches_.erase(actor);
    return receipt_of(std::move(got));
  }
  outcome<receipt> unwatch(const std::string& actor) {
    session_->watches_.erase(actor);
    return receipt_of(session_->ask({"UNWATCH", actor}));
  }

  /// Takes messages to the own name; until this is called they wait. A request is to be answered by
  /// answer() or refuse(), now or later; a handler that throws answers 500 actor_failed.
  void serve(std::function<void(const mail&)> on_mail) {
    session_->deliveries_.serve(std::move(on_mail));
  }
  /// Does nothing for a message that is no request, or with a type that is no word.
  void answer(const mail& to, std::string_view payload, std::string_view type = {}) {
    if (to.request == 0 || !(type.empty() || is_word(type))) return;
    session_->push_soon("REP " + std::to_string(to.request) + key("type", type), payload);
  }
  /// `number` 400 to 599; `token` of PROTOCOL.md's table, anything else becomes actor_failed.
  void refuse(const mail& to, int number, std::string_view token, std::string_view text = {}) {
    if (to.request == 0 || !is_word(token)) return;
    session_->push_soon("ERR " + std::to_string(to.request) + ' ' + std::to_string(number) + ' ' +
                            std::string{token},
                        text);
  }

  /// Returns when the filters of a native SUB socket, connected to pub(), are in place. What it
  /// got until then goes to `on_other`.
  outcome<receipt> sync(zmq::socket_t& native, const std::function<void(const piece&)>& on_other) {
    const auto token = name() + '-' + std::to_string(++syncs_);
    const auto filter = "$sys/sync/" + token + '|';
    native.set(zmq::sockopt::subscribe, filter);
    bool is_in_place = false;
    const auto look = [&](const piece& it) {
      if (it.line.starts_with(filter)) is_in_place = true;
      if (!it.line.starts_with("$sys/sync/")) on_other(it);
    };
    const auto until = detail::clock::now() + session_->with_.timeout;
    while (!is_in_place && detail::clock::now() < until) {
      if (auto told = session_->ask({"SYNC", token}); !told.ok()) return told.error();
      zmq_pollitem_t item{native.handle(), 0, ZMQ_POLLIN, 0};
      zmq_poll(&item, 1, sync_period_ms);
      while (!is_in_place && detail::wire::receive_from(native, look)) {
      }
    }
    native.set(zmq::sockopt::unsubscribe, filter);
    if (is_in_place) return receipt{};
    return error{0, "no_answer", "the filters did not come into effect at " + pub(),
                 "is the socket connected to pub() of this daemon?"};
  }
  /// The daemon's epoch, asked just now.
  outcome<std::string> ping() {
    auto got = session_->ask({"PING"});
    if (!got.ok()) return got.error();
    return std::string{words(got.value().line).key("epoch")};
  }

  /// Refusals of what was not confirmed, and of subscriptions and watches set again.
  void on_refused(std::function<void(const error&)> told) {
    session_->on_refused_ = std::move(told);
  }
  void on_session(std::function<void(const session_change&)> told) {
    session_->on_session_ = std::move(told);
  }

  /// Calls handlers of what has arrived; without any waits up to `timeout` for the first. Returns
  /// how many were called. A signal to the thread ends the wait.
  std::size_t poll(milliseconds timeout) {
    session_->step(session_->deliveries_.empty() ? detail::clock::now() + timeout
                                                 : detail::clock::now());
    return session_->run();
  }
  /// poll() until stop() is called by a handler, or the session is over for good.
  void run() {
    is_stopped_ = false;
    while (!is_stopped_ && session_->state_ != detail::session::state::closed) poll(run_period);
    session_->run();
  }
  void stop() noexcept { is_stopped_ = true; }

  /// Ends the session; what was sent before is executed. Later calls end as `closed`.
  void close(milliseconds within = milliseconds{1'000}) noexcept try {
    session_->close(within);
  } catch (const std::exception&) {
    session_->state_ = detail::session::state::closed;
  }

  [[nodiscard]] bool is_up() const noexcept {
    return session_->state_ == detail::session::state::up;
  }
  [[nodiscard]] const std::string& name() const noexcept { return session_->name_; }
  [[nodiscard]] const std::string& epoch() const noexcept { return session_->epoch_; }
  [[nodiscard]] const std::string& endpoint() const noexcept { return session_->endpoint_; }
  [[nodiscard]] const std::string& pub() const noexcept { return session_->pub_; }
  [[nodiscard]] const std::string& ingest() const noexcept { return session_->ingest_; }
  /// As asked for; 0 and false where the daemon does not offer them.
  [[nodiscard]] std::chrono::seconds ttl() const noexcept { return session_->with_.ttl; }
  [[nodiscard]] bool is_batched() const noexcept { return session_->with_.batch; }

 private:
  static constexpr milliseconds run_period{1'000};
  static constexpr long sync_period_ms = 20;
  // The daemon keeps the deadline; its answer needs time to arrive.
  static constexpr milliseconds grace{1'000};

  explicit connection(std::unique_ptr<detail::session> session) : session_(std::move(session)) {}

  static detail::command send_command(std::string_view actor, std::string_view payload,
                                      const send_options& with) {
    return {"SEND", actor, key("type", with.type), payload, with.timeout, with.type};
  }
  static detail::command publish_command(std::string_view address, std::string_view payload,
                                         const publish_options& with) {
    auto keys = key("type", with.type) + key("retain", with.is_retained ? 1 : 0);
    return {"PUB", address, std::move(keys), payload, with.timeout, with.type};
  }
  [[nodiscard]] detail::command request_command(std::string_view actor, std::string_view payload,
                                                milliseconds timeout, std::string_view type) const {
    const auto wait = timeout.count() > 0 ? timeout : session_->with_.timeout;
    return {"REQ",   actor,        key("ttl", wait.count()) + key("type", type),
            payload, wait + grace, type};
  }
  static outcome<receipt> receipt_of(outcome<detail::answer> got) {
    if (!got.ok()) return got.error();
    const words line(got.value().line);
    return receipt{line.number("n"), line.number("full")};
  }
  static outcome<reply> reply_of(outcome<detail::answer> got) {
    if (!got.ok()) return got.error();
    return reply{std::string{words(got.value().line).key("type")}, std::move(got.value().payload)};
  }
  template <class T>
  void start(const detail::command& it, outcome<T> (*read)(outcome<detail::answer>), then<T> told) {
    auto* session = session_.get();
    session_->begin(it, [session, read, told = std::move(told)](outcome<detail::answer> got) {
      session->deliveries_.keep([told, read, got = std::move(got)] { told(read(got)); });
    });
  }

  std::unique_ptr<detail::session> session_;
  std::uint64_t syncs_ = 0;
  bool is_stopped_ = false;
};

}  // namespace backstage::client
