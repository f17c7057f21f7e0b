/// context: everything an actor may do while it handles a message.
///
/// All functions are [actor-turn]: usable in the constructor, `on` and nowhere later; never keep a
/// context. None of them blocks. The contracts, with all errors, are those of plugin.h.
#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "backstage/detail/continuations.hpp"

namespace backstage {

using milliseconds = std::chrono::milliseconds;

/// What spawn found or made.
struct spawned {
  address who;
  bool existed = false;
};

class asked;

class context {
 public:
  /// `later` keeps what this actor goes on with in later turns.
  context(bs_ctx* raw, const bs_msg* current,
          std::unique_ptr<detail::continuations>& later) noexcept
      : raw_(raw), current_(current), later_(later) {}
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  [[nodiscard]] address self() const noexcept { return address{api().self(raw_)}; }
  /// The own name, `airport:ATL`; valid during this turn.
  [[nodiscard]] std::string_view name() const noexcept {
    return detail::view(api().self_name(raw_));
  }

  // --- Mail. A refusal is the sender's to handle, hence [[nodiscard]].

  /// The address of a living actor or client; an activation rule that matches creates it.
  [[nodiscard]] result<address> resolve(std::string_view who) {
    bs_addr found{};
    const status answer = api().resolve(raw_, detail::slice(who), &found);
    return {answer, address{found}};
  }
  [[nodiscard]] status send(address to, const content& what) {
    const bs_out out = what.out();
    return api().send(raw_, to.raw(), &out);
  }
  /// Resolves and sends; resolve once and keep the address where speed matters.
  [[nodiscard]] status send(std::string_view to, const content& what) {
    const auto found = resolve(to);
    return found.ok() ? send(found.value(), what) : found.status();
  }
  /// Asks; `.then(callable)` takes the answer. Without it one message of kind reply with id()
  /// comes to `on`. Zero timeout: five seconds.
  [[nodiscard]] asked request(address to, const content& what, milliseconds timeout = {});
  /// Resolves and asks.
  [[nodiscard]] asked request(std::string_view to, const content& what, milliseconds timeout = {});

  /// Replies to the message being handled. BS_E_STATE when that is no request, or is over.
  status reply(const content& what) {
    return current_ == nullptr ? status{BS_E_STATE} : reply(message{current_}.request(), what);
  }
  /// Replies to a request of an earlier turn.
  status reply(request_ref to, const content& what) {
    const bs_out out = what.out();
    return api().reply(raw_, to.raw(), &out);
  }
  /// Replies with an error: a negative code and one sentence that says what to do.
  status reply_error(request_ref to, status why, std::string_view text) {
    return api().reply_error(raw_, to.raw(), why.code(), detail::slice(text));
  }
  /// Refuses the message being handled without failing: its requester gets the error, and where
  /// nobody waits for a reply the sentence goes to the log.
  void refuse(status why, std::string_view text) {
    if (current_ != nullptr && message{current_}.is_request()) {
      reply_error(message{current_}.request(), why, text);
    } else {
      warn("refused a message: " + std::string{text});
    }
  }
  /// Fails the actor on the message being handled: `return ctx.fail("...")` from `on`.
  [[nodiscard]] status fail(std::string_view text) {
    api().set_error(&api(), BS_E_FAIL, detail::slice(text));
    return BS_E_FAIL;
  }

  // --- Topics. Without a topic: the own topic "default". -----------------------------------------

  status publish(const content& what) { return publish_on({}, what, 0); }
  status publish(std::string_view topic, const content& what) { return publish_on(topic, what, 0); }
  /// Publishes and keeps it as the address's last value, for late subscribers and GET.
  status retain(const content& what) { return publish_on({}, what, BS_PUBLISH_RETAIN); }
  status retain(std::string_view topic, const content& what) {
    return publish_on(topic, what, BS_PUBLISH_RETAIN);
  }
  /// "actor", "actor/topic" or a pattern; the id shows as message::subscription().
  [[nodiscard]] result<std::uint64_t> subscribe(std::string_view pattern) {
    std::uint64_t id = 0;
    const status answer = api().subscribe(raw_, detail::slice(pattern), &id);
    return {answer, id};
  }
  [[nodiscard]] status unsubscribe(std::uint64_t subscription) {
    return api().unsubscribe(raw_, subscription);
  }
  /// Messages of kind interest when own topics ("board", "md.*", ">") get or lose subscribers.
  [[nodiscard]] status watch_interest(std::string_view topics) {
    if (detail::host.interest == nullptr) return BS_E_NOSUP;
    return detail::host.interest->watch(raw_, detail::slice(topics));
  }

  // --- Life.

  [[nodiscard]] result<spawned> spawn(std::string_view type, std::string_view who,
                                      std::string_view config = {}) {
    return spawn_with(type, who, config, 0);
  }
  /// A child lives under this actor and stops before it.
  [[nodiscard]] result<spawned> spawn_child(std::string_view type, std::string_view who,
                                            std::string_view config = {}) {
    return spawn_with(type, who, config, BS_SPAWN_CHILD);
  }
  /// One message of kind down when that actor ends; a restart is not an end.
  [[nodiscard]] status monitor(address who) {
    if (detail::host.monitor == nullptr) return BS_E_NOSUP;
    return detail::host.monitor->monitor(raw_, who.raw());
  }
  /// The same, to a callable (down, context&) or (down), which takes the place of an earlier one.
  template <class F>
    requires detail::continues<F, down>
  [[nodiscard]] status monitor(address who, F callable) {
    const status answer = monitor(who);
    if (answer.ok()) later().add<down>(BS_MSG_DOWN, who.raw(), once, std::move(callable));
    return answer;
  }
  [[nodiscard]] status demonitor(address who) {
    if (detail::host.monitor == nullptr) return BS_E_NOSUP;
    if (later_ != nullptr) later_->forget(BS_MSG_DOWN, who.raw());
    return detail::host.monitor->demonitor(raw_, who.raw());
  }
  /// Ends this actor after the message being handled.
  status stop_self() { return api().stop_self(raw_); }

  // --- Timers: a message of kind timer whose id() is the one given here; or a callable (context&)
  // or (), which is given up when the timer is cancelled or this self ends.

  [[nodiscard]] result<std::uint64_t> after(milliseconds delay) { return set_timer(delay, {}); }
  template <class F>
    requires detail::continues<F, message>
  [[nodiscard]] result<std::uint64_t> after(milliseconds delay, F callable) {
    return keep(set_timer(delay, {}), once, std::move(callable));
  }
  /// First after one period.
  [[nodiscard]] result<std::uint64_t> every(milliseconds period) {
    if (period.count() <= 0) return {BS_E_ARG, 0};
    return set_timer(period, period);
  }
  template <class F>
    requires detail::continues<F, message>
  [[nodiscard]] result<std::uint64_t> every(milliseconds period, F callable) {
    return keep(every(period), detail::continuations::lasts::repeatedly, std::move(callable));
  }
  [[nodiscard]] status cancel(std::uint64_t timer) {
    if (detail::host.timers == nullptr) return BS_E_NOSUP;
    if (later_ != nullptr) later_->forget(BS_MSG_TIMER, {{timer, 0}});
    return detail::host.timers->cancel(raw_, timer);
  }

  // --- Log: one line each, attributed to this actor.

  void debug(std::string_view text) { log(BS_LOG_DEBUG, text); }
  void info(std::string_view text) { log(BS_LOG_INFO, text); }
  void warn(std::string_view text) { log(BS_LOG_WARN, text); }
  void error(std::string_view text) { log(BS_LOG_ERROR, text); }

  [[nodiscard]] bs_ctx* raw() const noexcept { return raw_; }

 private:
  [[nodiscard]] static const bs_api& api() noexcept { return *detail::host.api; }

  void log(std::int32_t level, std::string_view text) {
    api().log(&api(), level, detail::slice(text));
  }
  status publish_on(std::string_view topic, const content& what, std::uint32_t flags) {
    const bs_out out = what.out();
    return api().publish(raw_, detail::slice(topic), &out, flags);
  }
  result<spawned> spawn_with(std::string_view type, std::string_view who, std::string_view config,
                             std::uint32_t flags) {
    bs_addr made{};
    const status answer = api().spawn(raw_, detail::slice(type), detail::slice(who),
                                      detail::slice(config), flags, &made);
    return {answer, {address{made}, answer.code() == BS_EXISTING}};
  }
  result<std::uint64_t> set_timer(milliseconds delay, milliseconds period) {
    std::uint64_t id = 0;
    if (detail::host.timers == nullptr) return {BS_E_NOSUP, id};
    if (delay.count() < 0) return {BS_E_ARG, id};
    const status answer = detail::host.timers->set(raw_, static_cast<std::uint64_t>(delay.count()),
                                                   static_cast<std::uint64_t>(period.count()), &id);
    return {answer, id};
  }

  static constexpr auto once = detail::continuations::lasts::once;

  template <class F>
  result<std::uint64_t> keep(result<std::uint64_t> timer, detail::continuations::lasts how,
                             F callable) {
    if (timer.ok()) {
      later().add<message>(BS_MSG_TIMER, {{timer.value(), 0}}, how, std::move(callable));
    }
    return timer;
  }
  detail::continuations& later() {
    if (later_ == nullptr) later_ = std::make_unique<detail::continuations>();
    return *later_;
  }

  friend class asked;

  bs_ctx* raw_;
  const bs_msg* current_;
  std::unique_ptr<detail::continuations>& later_;
};

/// What request answers: the id of the request, or why it was refused.
class asked : public result<std::uint64_t> {
 public:
  asked(context& ctx, backstage::status why, std::uint64_t id) noexcept
      : result(why, id), ctx_(ctx) {}

  /// `callable` takes (reply, context&) or (reply), and returns nothing or a status as `on` does.
  /// It is called exactly once, as long as this self lives: in a later turn with the answer, an
  /// error or BS_E_TIMEOUT; or at once, within this call, when the request was refused. It must not
  /// capture the context of this turn; the message that it may answer it keeps as a request_ref.
  template <class F>
    requires detail::continues<F, reply>
  void then(F callable) const {
    if (ok()) {
      const bs_addr id{{value(), 0}};
      ctx_.later().template add<reply>(BS_MSG_REPLY, id, context::once, std::move(callable));
      return;
    }
    bs_msg refused{};
    refused.struct_size = sizeof refused;
    refused.kind = BS_MSG_REPLY;
    refused.status = status().code();
    refused.body = detail::slice("the request was refused at once");
    const backstage::status answer{detail::continue_with<reply>(callable, &refused, ctx_)};
    if (!answer.ok()) throw error(answer.code(), "a continuation failed at once");
  }

 private:
  context& ctx_;
};

inline asked context::request(address to, const content& what, milliseconds timeout) {
  const bs_out out = what.out();
  std::uint64_t id = 0;
  if (timeout.count() < 0 || timeout.count() > UINT32_MAX) return {*this, BS_E_ARG, id};
  const auto limit = static_cast<std::uint32_t>(timeout.count());
  const status answer = api().request(raw_, to.raw(), &out, limit, &id);
  return {*this, answer, id};
}

inline asked context::request(std::string_view to, const content& what, milliseconds timeout) {
  const auto found = resolve(to);
  if (!found.ok()) return {*this, found.status(), 0};
  return request(found.value(), what, timeout);
}

/// Sends from a thread of the plugin, outside of every turn; the receiver sees nobody as sender.
/// [any-thread]
[[nodiscard]] inline status post(address to, const content& what) {
  const bs_out out = what.out();
  return detail::host.api->post(detail::host.api, to.raw(), &out);
}

}  // namespace backstage
