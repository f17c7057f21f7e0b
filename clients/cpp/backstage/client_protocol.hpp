/// The protocol of backstaged as its C++ client speaks it: values, lines, errors. Pure: no sockets.
#pragma once
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <expected>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace backstage::client {

using milliseconds = std::chrono::milliseconds;

/// Why a call brought nothing: the daemon's own number and token ("404 no_actor"), or number 0 and
/// what only this side knows: `unreachable` (certainly not done), `no_answer` and `lost` (it may
/// have had effects), `closed`, `bad_endpoint`.
struct error {
  int number = 0;
  std::string token{};
  std::string text{};     ///< what happened, for people
  std::string next{};     ///< what to do about it
  milliseconds retry{0};  ///< how long the daemon asks to wait; 0: it did not say
  std::string said{};     ///< the daemon's or actor's own words, the end of `text`
  /// Whether the same call may be made again: it has had no effects. Not so after 504.
  [[nodiscard]] bool is_retryable() const noexcept {
    return number == 429 || number == 503 || token == "unreachable";
  }
};
template <class T>
using outcome = std::expected<T, error>;

/// A delivery of a subscription, a retained value, or a message to the own name.
struct message {
  std::string address{};
  std::uint64_t seq = 0;
  std::string sender{}, type{}, payload{};
  std::uint64_t request = 0;    ///< not 0: the sender waits for an answer
  bool is_snapshot = false;     ///< the value retained before the subscription
  bool is_redelivered = false;  ///< may have been handled before: it was not acknowledged
};
/// Sequence numbers of an address that will not come. `slow shed conflate resume` are the daemon's
/// reasons (`slow` also the client's), `reconnect` is the client's: missed without a session.
struct gap {
  std::string address{};
  std::uint64_t first = 0, last = 0;
  std::string reason{};
};

/// CURVE keys, 40 characters of Z85 each; without `server` there is no CURVE.
struct curve_keys {
  std::string server{}, own_public{}, own_secret{};
};
struct options {
  std::string name{};           ///< the address under which others reach this client
  std::chrono::seconds ttl{0};  ///< how long the session outlives a broken connection
  milliseconds timeout{5'000};  ///< of every call that is given none
  milliseconds ping{10'000};    ///< silence after which the daemon is asked; three times that: lost
  curve_keys curve{};
  /// Subscriptions that are not allowed any more, and what could not be set again.
  std::function<void(const error&)> on_refused = [](const error&) {};
  /// `disconnected`, `resumed`, `renewed` (reason `epoch ...`: the daemon was restarted),
  /// `draining`, `closed` (for good: another client has taken the session over).
  std::function<void(const std::string& kind, const std::string& reason)> on_session =
      [](const auto&, const auto&) {};
};
/// What a call may say beside its receiver and payload; each reads those that are meant for it.
struct call_options {
  std::string type{};           ///< of send, publish and request: what the receiver dispatches on
  bool is_retained = false;     ///< of publish: for get, and for who subscribes later
  bool wants_snapshot = false;  ///< of subscribe: the retained value first
  std::string over{};           ///< of subscribe: oldest newest conflate kick
  std::uint32_t window = 0;     ///< of subscribe: at most so many that no handler has taken
  bool is_acked = false;        ///< of subscribe: at least once; needs a ttl to be of use
  milliseconds timeout{0};      ///< 0: that of the connection
};

/// The word of a line at that place, from 0; empty when there are fewer.
inline std::string word(std::string_view line, std::size_t index) {
  for (; index > 0; --index) line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  return std::string{line.substr(0, line.find(' '))};
}
/// The value of `key=value`; empty when there is none.
inline std::string key(std::string_view line, const std::string& name) {
  const auto at = line.find(' ' + name + '=');
  return at == line.npos ? "" : word(line.substr(at + name.size() + 2), 0);
}
/// The number that a word begins with; 0 if there is none.
inline std::uint64_t number(std::string_view word) noexcept {
  std::uint64_t value = 0;
  std::from_chars(word.data(), word.data() + word.size(), value);
  return value;
}
/// Whether a text can stand as one word of a line: another byte could add a key, or end the line.
inline bool is_word(std::string_view text) noexcept {
  const auto fits = [](char byte) { return byte > ' ' && byte <= '~' && byte != '='; };
  return !text.empty() && text.size() <= 200 && std::ranges::all_of(text, fits);
}
/// A pattern or address with the topic it has when it names none.
inline std::string with_topic(const std::string& pattern) {
  return pattern.find('/') == pattern.npos ? pattern + "/default" : pattern;
}

/// What one side says: a line of the protocol, and its payload.
struct reply {
  std::string line{}, payload{};
  /// `type` of a request, `n` and `full` of a publish, `seq` of a subscribe; else empty, and 0.
  [[nodiscard]] std::string key(const char* name) const { return client::key(line, name); }
  [[nodiscard]] std::uint64_t number(const char* name) const { return client::number(key(name)); }
};
inline reply split(std::string_view frame) {
  const auto end = std::min(frame.find('\n'), frame.size());
  return {std::string{frame.substr(0, end)},
          std::string{frame.substr(std::min(end + 1, frame.size()))}};
}
/// What MSG and VAL bring.
inline message message_of(reply it) {
  return {word(it.line, 2),       number(word(it.line, 3)),     word(it.line, 4),
          it.key("type"),         std::move(it.payload),        it.number("rid"),
          it.number("snap") != 0, it.number("redelivered") != 0};
}

/// A command to the daemon.
struct command {
  std::string verb{}, target{}, payload{};
  call_options with{};

  [[nodiscard]] std::string what() const { return verb + ' ' + target; }
  /// With id 0 it is not answered.
  [[nodiscard]] std::string line(std::uint64_t id) const {
    auto text = what();
    if (id > 0) text += " id=" + std::to_string(id);
    if (!with.type.empty()) text += " type=" + with.type;
    if (!with.over.empty()) text += " over=" + with.over;
    if (with.window > 0) text += " window=" + std::to_string(with.window);
    if (with.is_acked) text += " ack=1";
    if (with.wants_snapshot) text += " snap=1";
    if (with.is_retained) text += " retain=1";
    if (verb == "REQ") text += " ttl=" + std::to_string(with.timeout.count());
    return text;
  }
};

/// Appends one entry of a BATCH: its length in four bytes, little end first, and the message.
inline void pack(std::string& batch, std::string_view line, std::string_view payload) {
  const auto size = line.size() + 1 + payload.size();
  for (unsigned shift = 0; shift < 32; shift += 8) batch += static_cast<char>(size >> shift & 0xFF);
  batch.append(line).append(1, '\n').append(payload);
}
/// Calls `each` with the entries of a BATCH; false if their lengths do not add up.
inline bool unpack(std::string_view batch, const std::function<void(reply)>& each) {
  while (batch.size() >= 4) {
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | static_cast<unsigned char>(batch[i]);
    if (size > batch.size() - 4) return false;
    each(split(batch.substr(4, size)));
    batch.remove_prefix(4 + size);
  }
  return batch.empty();
}

/// What to do about a refusal; PROTOCOL.md section 6 has the meaning of each.
inline const char* advice(std::uint64_t number, std::string_view token) {
  static constexpr std::pair<std::string_view, const char*> known[] = {
      {"forbidden", "ask for a rule that allows it, or use your own name"},
      {"no_actor", "check the name, or spawn the actor: backstagectl actors shows those there are"},
      {"name_in_use", "choose another name, or end the client that has it"},
      {"timeout", "give it more time; the request may have had effects"}};
  for (const auto& [name, next] : known) {
    if (name == token) return next;
  }
  if (number == 429 || number == 503) return "again after the time in `retry`, or with less";
  return number >= 500 ? "see the daemon's log" : "correct the call; the text says what";
}
/// The error of `ERR id number token`; `what` was asked.
inline error error_of(const reply& it, const std::string& what) {
  const auto code = word(it.line, 2), token = word(it.line, 3);
  const auto text = what + ": " + code + ' ' + token + (it.payload.empty() ? "" : ": ");
  return {
      static_cast<int>(number(code)),   token,     text + it.payload, advice(number(code), token),
      milliseconds{it.number("retry")}, it.payload};
}

/// Why a command cannot be sent at all. `payload_max` 0: not known.
inline std::optional<error> mistake_in(const command& it, std::uint64_t payload_max) {
  const auto mistake = [&it](const std::string& why, const char* said) {
    return error_of({"ERR 0 " + why, said}, it.what());
  };
  if (!is_word(it.target)) return mistake("400 bad_addr", "that is no name");
  for (const auto& text : {it.with.type, it.with.over}) {
    if (!text.empty() && !is_word(text)) return mistake("400 bad_name", "that is no word");
  }
  if (payload_max == 0 || it.payload.size() <= payload_max) return std::nullopt;
  return mistake("413 too_large", "the daemon takes less");
}

/// An endpoint as it is; or the first `cmd` that is written in an endpoints.json, given the file or
/// its directory, with a `.` or `/` in its path. Empty if there is none.
inline std::string endpoint_in(const std::string& place) {
  const bool is_path = place.find_first_of("./") != place.npos;
  if (!is_path || place.find("://") != place.npos) return place;
  std::ifstream file(place.ends_with(".json") ? place : place + "/endpoints.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto list = text.find('[', text.find("\"cmd\""));
  const auto from = text.find('"', list), to = text.find('"', from + 1);
  return from == text.npos || to == text.npos ? "" : text.substr(from + 1, to - from - 1);
}

}  // namespace backstage::client
