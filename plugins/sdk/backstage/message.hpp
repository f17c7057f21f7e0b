/// address, request_ref, message, reply and down: what an actor receives and whom it came from.
#pragma once
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "backstage/payload.hpp"
#include "backstage/status.hpp"

namespace backstage {

/// Names one actor or client. May be stored, compared and used by every actor of the daemon.
class address {
 public:
  constexpr address() noexcept = default;
  constexpr explicit address(bs_addr raw) noexcept : raw_(raw) {}
  [[nodiscard]] constexpr bs_addr raw() const noexcept { return raw_; }
  [[nodiscard]] constexpr bool is_nobody() const noexcept { return *this == address{}; }
  friend constexpr bool operator==(address a, address b) noexcept {
    return a.raw_.w[0] == b.raw_.w[0] && a.raw_.w[1] == b.raw_.w[1];
  }

 private:
  bs_addr raw_{};
};

/// Names one open request, so that its reply may come in a later turn.
class request_ref {
 public:
  constexpr request_ref() noexcept = default;
  constexpr explicit request_ref(bs_request raw) noexcept : raw_(raw) {}
  [[nodiscard]] constexpr bs_request raw() const noexcept { return raw_; }

 private:
  bs_request raw_{};
};

/// Kinds of messages; see BS_MSG_* for what each carries.
enum class message_kind : std::uint32_t {
  send = BS_MSG_SEND,
  publish = BS_MSG_PUBLISH,
  request = BS_MSG_REQUEST,
  reply = BS_MSG_REPLY,
  timer = BS_MSG_TIMER,
  down = BS_MSG_DOWN,
  interest = BS_MSG_INTEREST,
};

class message;

/// What message::as and the handlers of dispatch can take a body as.
template <class T>
concept readable =
    std::same_as<T, message> || std::same_as<T, std::string_view> || std::same_as<T, std::string> ||
    std::same_as<T, payload> || std::integral<T> || decodable<T>;

/// One message. A view: valid, like everything it gives out, until `on` returns; keep() what is
/// needed longer.
class message {
 public:
  explicit message(const bs_msg* raw) noexcept : raw_(raw) {}

  [[nodiscard]] message_kind kind() const noexcept { return message_kind{raw_->kind}; }
  [[nodiscard]] bool is_request() const noexcept { return kind() == message_kind::request; }
  /// From another actor or client, as against reply, timer, down and interest, which only come to
  /// those who asked for them.
  [[nodiscard]] bool is_mail() const noexcept { return raw_->kind <= BS_MSG_REQUEST; }

  /// The message type its sender gave; may be empty.
  [[nodiscard]] std::string_view type() const noexcept { return detail::view(raw_->type); }
  [[nodiscard]] std::string_view body() const noexcept { return detail::view(raw_->body); }
  /// The body as a decimal integer, if it is exactly that.
  [[nodiscard]] std::optional<std::int64_t> integer() const noexcept { return to_integer(body()); }
  /// The body as a T: text (a view is valid as the message is), a whole number of any width, bool
  /// ("true", "false"), payload, or any type that is decodable. Throws backstage::error with a
  /// sentence that says what the body must be, and what T's decode throws.
  template <class T>
    requires readable<T>
  [[nodiscard]] T as() const;
  /// The body for later, shared when the host can, else copied. Throws std::bad_alloc.
  [[nodiscard]] payload keep() const {
    if (raw_->buf == nullptr) return payload{body()};
    return {raw_->buf, raw_->body};
  }

  /// Type and body to send on as they are; a large body is shared, not copied.
  [[nodiscard]] content forward() const noexcept { return {type(), body(), raw_->buf}; }

  [[nodiscard]] address from() const noexcept { return address{raw_->from}; }
  [[nodiscard]] std::string_view from_name() const noexcept {
    return detail::view(raw_->from_name);
  }
  /// Of a request: what reply() needs in a later turn.
  [[nodiscard]] request_ref request() const noexcept {
    return request_ref{bs_request{raw_->from, raw_->corr}};
  }
  /// Of a reply: the id that request() gave. Of a timer: the id that after() or every() gave.
  [[nodiscard]] std::uint64_t id() const noexcept { return raw_->corr; }
  /// Of a reply or down: ok, or why not. Of interest: 1 first came, 0 last left.
  [[nodiscard]] backstage::status status() const noexcept { return raw_->status; }
  /// Of a publish: "actor/topic". Of interest: the address or pattern as it was subscribed to.
  [[nodiscard]] std::string_view topic_address() const noexcept {
    return detail::view(raw_->address);
  }
  /// Of a publish: its number in that address, and the subscription it came by.
  [[nodiscard]] std::uint64_t seq() const noexcept { return raw_->seq; }
  [[nodiscard]] std::uint64_t subscription() const noexcept { return raw_->sub; }

  [[nodiscard]] const bs_msg* raw() const noexcept { return raw_; }

 private:
  const bs_msg* raw_;
};

/// The end of a request of ours: the answer, or why there is none.
class reply : public message {
 public:
  explicit reply(const bs_msg* raw) noexcept : message(raw) {}
  explicit reply(message what) noexcept : message(what) {}
  [[nodiscard]] bool ok() const noexcept { return status().ok(); }
  /// Of one that is not ok(): the sentence of who refused; may be empty.
  [[nodiscard]] std::string_view why() const noexcept { return body(); }
  /// Throws backstage::error unless ok().
  const reply& must() const {
    if (ok()) return *this;
    throw error(status().code(), "a request was answered " + std::string{status().name()} +
                                     (why().empty() ? "" : ": " + std::string{why()}));
  }
};

/// The end of an actor that was monitored.
class down : public message {
 public:
  explicit down(const bs_msg* raw) noexcept : message(raw) {}
  [[nodiscard]] address who() const noexcept { return from(); }
  [[nodiscard]] std::string_view name() const noexcept { return from_name(); }
  /// A token: `stopped`, `parked`, `no_actor`.
  [[nodiscard]] std::string_view reason() const noexcept { return body(); }
};

namespace detail {

[[nodiscard]] inline error unreadable(std::string_view wanted, std::string_view got) {
  constexpr std::size_t shown = 64;
  return {BS_E_ARG, "the body must be " + std::string{wanted} + ", not \"" +
                        std::string{got.substr(0, shown)} + (got.size() > shown ? "...\"" : "\"")};
}

template <std::integral T>
[[nodiscard]] T read_integer(std::string_view body) {
  T value{};
  const char* end = body.data() + body.size();
  const auto [rest, failed] = std::from_chars(body.data(), end, value);
  if (failed == std::errc{} && rest == end && !body.empty()) return value;
  throw unreadable("an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                       std::to_string(std::numeric_limits<T>::max()),
                   body);
}

}  // namespace detail

template <class T>
  requires readable<T>
T message::as() const {
  if constexpr (std::same_as<T, message>) {
    return *this;
  } else if constexpr (std::same_as<T, std::string_view> || std::same_as<T, std::string>) {
    return T{body()};
  } else if constexpr (std::same_as<T, payload>) {
    return keep();
  } else if constexpr (std::same_as<T, bool>) {
    if (body() != "true" && body() != "false") throw detail::unreadable("true or false", body());
    return body() == "true";
  } else if constexpr (std::integral<T>) {
    return detail::read_integer<T>(body());
  } else if constexpr (requires { T::decode(body()); }) {
    return T::decode(body());
  } else {
    return codec<T>::decode(body());
  }
}

}  // namespace backstage
