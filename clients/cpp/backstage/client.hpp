/// The C++ client of backstaged over ZeroMQ: header-only, needs cppzmq and the client_*.hpp beside
/// it.
///
///   backstage::client::connection daemon("tcp://127.0.0.1:7770");
///   const auto answer = daemon.request("counter", "5");
///   if (!answer) return complain(answer.error());
///
/// **One thread.** A connection has no thread of its own and belongs to one thread at a time.
/// Calls wait for the daemon's answer, their timeout at most. Handlers are called by poll() alone,
/// one at a time, never inside another call; what arrives meanwhile waits for them. A handler may
/// make any call but poll() and close(). Call poll() at least every few seconds: it also answers
/// the daemon's PING, notices a dead connection, and brings it back.
///
/// **Connections break.** The client connects again by itself. With a `ttl` it resumes its session
/// by its token, and nothing is lost that `is_acked` asked to keep: SEND and PUB that were not
/// answered are sent again with their ids, which the daemon executes once. Otherwise, or when the
/// session is gone, it opens a new one, subscribes and watches again, tells what it missed as gaps
/// (in the same epoch), and calls that were sent and not answered end as `lost`.
///
/// Nothing throws but for want of memory, and what handlers of deliveries throw: that leaves
/// poll(), and the message is acknowledged with the next one.
#pragma once
#include "client_session.hpp"

namespace backstage::client {

class connection final {
 public:
  /// Begins to connect; the next call goes on. `place` is an endpoint, or endpoints.json, or the
  /// directory it is in: then it is looked up again each time.
  explicit connection(std::string place = "tcp://127.0.0.1:7770", options with = {})
      : session_(std::move(place), std::move(with)) {}
  ~connection() { session_.close(); }

  /// Waits until the session stands. Errors: bad_endpoint, unreachable, those of HELLO. Who does
  /// not ask gets them from the first call.
  outcome<void> open(milliseconds within = milliseconds{2'000}) {
    const auto until = clock::now() + within;
    while (!is_up() && !session_.ended_ && clock::now() < until) session_.step(until);
    if (is_up()) return {};
    const call hello{.it = {"HELLO", session_.endpoint_, {}, {.timeout = within}}};
    return std::unexpected(session_.ended_ ? *session_.ended_ : session_.unanswered(hello));
  }
  /// Ends the session; what was sent before is executed. Later calls end as `closed`.
  void close() { session_.close(); }
  [[nodiscard]] bool is_up() const noexcept { return session_.is_up(); }
  [[nodiscard]] bool is_closed() const noexcept { return session_.ended_.has_value(); }
  [[nodiscard]] const std::string& name() const noexcept { return session_.name_; }
  [[nodiscard]] const std::string& epoch() const noexcept { return session_.epoch_; }
  [[nodiscard]] const std::string& endpoint() const noexcept { return session_.endpoint_; }

  /// Puts a message into an actor's mailbox; it is not handled yet when this returns.
  answer send(std::string actor, std::string payload, call_options with = {}) {
    return session_.ask({"SEND", std::move(actor), std::move(payload), std::move(with)});
  }
  /// Asks one actor: its reply, the daemon's refusal, or `no_answer` when even the daemon's own
  /// `504 timeout` stays out for a second.
  answer request(std::string actor, std::string payload, call_options with = {}) {
    return session_.ask({"REQ", std::move(actor), std::move(payload), std::move(with)});
  }
  /// Publishes on `actor/topic`, or on `/topic` of the own name.
  answer publish(std::string address, std::string payload, call_options with = {}) {
    return session_.ask({"PUB", std::move(address), std::move(payload), std::move(with)});
  }
  /// A SEND, REQ or PUB without waiting: poll() calls `told` with the outcome. What is started
  /// together goes to the daemon together.
  void start(command it, std::function<void(answer)> told) {
    session_.begin(std::move(it), [this, told = std::move(told)](answer got) {
      session_.kept_.push_back([told, got = std::move(got)] { told(got); });
    });
  }
  /// Many of them in one message; the outcome of each, in their order.
  std::vector<answer> batch(std::vector<command> all) {
    std::vector<answer> got(all.size());
    auto left = all.size();
    for (std::size_t i = 0; i < all.size(); ++i) {
      session_.begin(std::move(all[i]), [&, i](answer one) { --left, got[i] = std::move(one); });
    }
    while (left > 0) session_.step(clock::time_point::max());
    return got;
  }

  /// Each delivery goes to `on_message`, and is acknowledged after it if there is a window or
  /// `is_acked`; what will not come goes to `on_gap`. Subscribing again to a pattern replaces
  /// options and handlers.
  answer subscribe(
      const std::string& pattern, call_options with, std::function<void(const message&)> on_message,
      std::function<void(const gap&)> on_gap = [](const gap&) {}) {
    command it{"SUB", with_topic(pattern), {}, std::move(with)};
    return session_.ask(
        it, std::make_shared<subscription>(it, std::move(on_message), std::move(on_gap)));
  }
  /// No handler of it is called any more, whatever the daemon says.
  answer unsubscribe(const std::string& pattern) {
    const auto forget = [this, target = with_topic(pattern)] {
      for (const auto& [number, sub] : session_.subs_) sub->is_live &= sub->it.target != target;
      std::erase_if(session_.subs_, [](const auto& one) { return !one.second->is_live; });
    };
    forget();
    auto got = session_.ask({"UNSUB", with_topic(pattern)});
    forget();  // One that was being set again.
    return got;
  }
  /// The value last published there with `is_retained`.
  outcome<message> get(std::string address) {
    auto got = session_.ask({"GET", std::move(address)});
    if (!got) return std::unexpected(got.error());
    return message_of(*std::move(got));
  }
  /// Tells once of the actor's end, with the reason.
  answer watch(const std::string& actor, std::function<void(std::string)> on_down) {
    session_.watches_[actor] = std::move(on_down);
    auto got = session_.ask({"WATCH", actor});
    if (!got) session_.watches_.erase(actor);
    return got;
  }
  answer unwatch(const std::string& actor) {
    session_.watches_.erase(actor);
    return session_.ask({"UNWATCH", actor});
  }
  /// Whether the daemon answers at all; epoch() is then that of just now.
  answer ping() { return session_.ask({"PING", "daemon"}); }

  /// Takes messages to the own name; until this is called they wait. A request is to be answered by
  /// reply_to() or refuse(), now or later; a handler that throws answers 500 actor_failed.
  void serve(std::function<void(const message&)> on_mail) {
    session_.on_mail_ = std::move(on_mail);
    std::ranges::move(std::exchange(session_.mail_, {}), std::back_inserter(session_.kept_));
  }
  /// Does nothing for a message that is no request, or with a type that is no word.
  void reply_to(const message& it, std::string payload, std::string type = {}) {
    if (it.request == 0 || !(type.empty() || is_word(type))) return;
    session_.post(
        {"REP", std::to_string(it.request), std::move(payload), {.type = std::move(type)}});
  }
  /// `number` 400 to 599; `token` of PROTOCOL.md's table, anything else becomes actor_failed.
  void refuse(const message& it, int number, const std::string& token, std::string text = {}) {
    session_.refuse(it, number, token, std::move(text));
  }

  /// Calls handlers of what has arrived; without any waits up to `timeout` for the first. Returns
  /// how many were called. A signal to the thread ends the wait.
  std::size_t poll(milliseconds timeout) {
    session_.step(clock::now() + (session_.kept_.empty() ? timeout : milliseconds{0}));
    std::size_t count = 0;
    for (; !session_.kept_.empty(); ++count) {
      const auto next = std::move(session_.kept_.front());
      session_.kept_.pop_front();
      next();
    }
    session_.flush();
    return count;
  }

 private:
  session session_;
};

}  // namespace backstage::client
