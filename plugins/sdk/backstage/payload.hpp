/// Payloads of the SDK: shared buffers, the content of an outgoing message, text as an integer.
///
/// Any type with `std::string encode() const` can be sent, any with `static T
/// decode(std::string_view)` be read by message::as<T>(); a `static constexpr char message_type[]`
/// names it on the wire. For types that are not yours specialise `codec`; json.hpp does so for all
/// that nlohmann::json can convert.
#pragma once
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "backstage/detail/host.hpp"

namespace backstage {

/// How a type that has no encode and decode of its own becomes a body and back: `static std::string
/// encode(const T&)`, `static T decode(std::string_view)`.
template <class T>
struct codec;

template <class T>
concept encodable = requires(const T& value) {
  { value.encode() } -> std::convertible_to<std::string>;
} || requires(const T& value) {
  { codec<T>::encode(value) } -> std::convertible_to<std::string>;
};
template <class T>
concept decodable = requires(std::string_view bytes) {
  { T::decode(bytes) } -> std::convertible_to<T>;
} || requires(std::string_view bytes) {
  { codec<T>::decode(bytes) } -> std::convertible_to<T>;
};
/// Has the message type it is sent under.
template <class T>
concept named_message = requires { std::string_view{T::message_type}; };
/// Integers that are numbers: not bool.
template <class T>
concept whole_number = std::integral<T> && !std::same_as<T, bool>;

/// All of `text` as a decimal integer; nothing when it is anything else or out of range.
/// [any-thread]
[[nodiscard]] inline std::optional<std::int64_t> to_integer(std::string_view text) noexcept {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc{} || rest != end) return std::nullopt;
  return value;
}

/// Bytes that outlive a turn and are shared, never copied, by everybody they are sent to. Copying a
/// payload counts, it does not copy bytes. [any-thread], one object by one thread at a time.
class payload {
 public:
  payload() noexcept = default;
  /// Copies `bytes` into a buffer of the host. Throws std::bad_alloc, also over the payload limit.
  explicit payload(std::string_view bytes) : payload(bytes.size()) {
    if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
  }
  /// A buffer to fill through writable() before it is first sent. Throws as above.
  explicit payload(std::size_t size) : size_(size) {
    buf_ = detail::host.api->buf_new(detail::host.api, size, &data_);
    if (buf_ == nullptr) throw std::bad_alloc{};
  }
  /// One more owner of a buffer of the host; `bytes` lie inside it.
  payload(bs_buf* buf, bs_slice bytes) noexcept
      : buf_(buf), data_(const_cast<void*>(bytes.ptr)), size_(bytes.len) {
    detail::host.api->buf_ref(detail::host.api, buf_);
  }

  payload(const payload& other) noexcept
      : buf_(other.buf_), data_(other.data_), size_(other.size_) {
    if (buf_ != nullptr) detail::host.api->buf_ref(detail::host.api, buf_);
  }
  payload(payload&& other) noexcept
      : buf_(std::exchange(other.buf_, nullptr)),
        data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)) {}
  payload& operator=(payload other) noexcept {
    std::swap(buf_, other.buf_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~payload() {
    if (buf_ != nullptr) detail::host.api->buf_unref(detail::host.api, buf_);
  }

  [[nodiscard]] std::string_view text() const noexcept {
    return {static_cast<const char*>(data_), size_};
  }
  /// Only for the one who made it by size, and only before it is first sent.
  [[nodiscard]] std::span<std::byte> writable() noexcept {
    return {static_cast<std::byte*>(data_), size_};
  }
  [[nodiscard]] bs_buf* buffer() const noexcept { return buf_; }

 private:
  bs_buf* buf_ = nullptr;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// The content of one outgoing message, made implicitly from text, bytes, a payload, an integer or
/// any type that is encodable. Borrows what it is made from: use it as an argument only.
class content {
 public:
  content(std::string_view body) noexcept : body_(body) {}    // NOLINT: implicit
  content(const char* body) noexcept : body_(body) {}         // NOLINT: implicit
  content(const std::string& body) noexcept : body_(body) {}  // NOLINT: implicit
  content(std::span<const std::byte> body) noexcept           // NOLINT: implicit
      : body_(reinterpret_cast<const char*>(body.data()), body.size()) {}
  content(const payload& body) noexcept : body_(body.text()), buf_(body.buffer()) {}  // NOLINT
  /// `body` lies inside `buf`, if that is not null.
  content(std::string_view type, std::string_view body, bs_buf* buf) noexcept
      : type_(type), body_(body), buf_(buf) {}
  /// In decimal. Implicit, as all of these: `ctx.reply(5)`.
  content(whole_number auto number) : owned_(std::to_string(number)), owns_(true) {}  // NOLINT
  template <encodable T>
  content(const T& value) : owned_(encoded(value)), owns_(true) {  // NOLINT: implicit
    if constexpr (named_message<T>) type_ = T::message_type;
  }

  /// The same content under a message type, which the receiver dispatches on. At most 64 bytes.
  friend content typed(std::string_view type, content body) noexcept {
    body.type_ = type;
    return body;
  }

  /// As the C ABI wants it; valid as long as this object.
  [[nodiscard]] bs_out out() const noexcept {
    return {detail::slice(type_), detail::slice(owns_ ? std::string_view{owned_} : body_), buf_};
  }

 private:
  template <class T>
  static std::string encoded(const T& value) {
    if constexpr (requires { value.encode(); }) {
      return value.encode();
    } else {
      return codec<T>::encode(value);
    }
  }

  std::string_view type_;
  std::string_view body_;
  std::string owned_;
  bool owns_ = false;
  bs_buf* buf_ = nullptr;
};

content typed(std::string_view type, content body) noexcept;

}  // namespace backstage
