/// The protocol of backstaged as its C++ client speaks it: values, lines, errors. Pure: no sockets.
#pragma once
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

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
  /// Whether the same call may succeed later. 504: the request may have had effects.
  [[nodiscard]] bool is_retryable() const noexcept {
    return number == 429 || number == 503 || number == 504 || token == "unreachable";
  }
};

/// A value, or the error in its place.
template <class T>
class outcome {
 public:
  // NOLINTBEGIN(google-explicit-constructor,hicpp-explicit-conversions): a function returns either
  outcome(T value) : either_(std::in_place_index<0>, std::move(value)) {}
  outcome(struct error why) : either_(std::in_place_index<1>, std::move(why)) {}
  // NOLINTEND(google-explicit-constructor,hicpp-explicit-conversions)

  [[nodiscard]] bool ok() const noexcept { return either_.index() == 0; }
  /// Only when ok().
  [[nodiscard]] T& value() { return std::get<0>(either_); }
  [[nodiscard]] const T& value() const { return std::get<0>(either_); }
  /// Only when not ok().
  [[nodiscard]] const struct error& error() const { return std::get<1>(either_); }

 private:
  std::variant<T, struct error> either_;
};

/// What an actor answered.
struct reply {
  std::string type{};
  std::string payload{};
};
/// That the daemon took a command. For PUB: how many subscriptions matched, how many had no room.
struct receipt {
  std::uint64_t matched = 0;
  std::uint64_t full = 0;
};
/// The retained value of an address.
struct value {
  std::string address{};
  std::uint64_t seq = 0;
  std::string sender{};
  std::string type{};
  std::string payload{};
};
/// One delivery of a subscription.
struct message {
  std::string address{};
  std::uint64_t seq = 0;
  std::string sender{};
  std::string type{};
  std::string payload{};
  bool is_snapshot = false;     ///< the value retained before the subscription
  bool is_redelivered = false;  ///< may have been handled before: it was not acknowledged
};
/// Sequence numbers of an address that will not come. `slow shed conflate resume` are the daemon's
/// reasons, `reconnect` is the client's: missed while there was no session.
struct gap {
  std::string address{};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string reason{};
};
/// A message to the client's own name; with a `request` number its sender waits for an answer.
struct mail {
  std::string sender{};
  std::string type{};
  std::string payload{};
  std::uint64_t request = 0;
};

/// How often confirmed calls are made again by themselves that may succeed later (429, 503: nothing
/// was done), after the time the daemon asks for, else base, 2 x base, ... up to cap. The two
/// times hold for connecting again, too.
struct retry_policy {
  int attempts = 1;  ///< in all
  milliseconds base{50};
  milliseconds cap{2'000};
};
/// CURVE keys, 40 characters of Z85 each; without `server` there is no CURVE.
struct curve_keys {
  std::string server{};
  std::string own_public{};
  std::string own_secret{};
};
struct options {
  std::string name{};           ///< the address under which others reach this client
  std::chrono::seconds ttl{0};  ///< how long the session outlives a broken connection
  bool batch = true;            ///< deliveries and what is sent together come packed
  bool frames = true;           ///< answers come in one frame
  milliseconds timeout{5'000};  ///< of every call that is given none
  milliseconds connect_timeout{2'000};
  milliseconds ping{10'000};  ///< silence after which the daemon is asked; three times that: lost
  std::size_t kept_max = 65'536;  ///< deliveries that wait for handlers; over it gaps, `slow`
  retry_policy retry{};
  curve_keys curve{};
};
struct subscribe_options {
  bool wants_snapshot = false;
  std::string over{};        ///< oldest newest conflate kick
  std::uint32_t window = 0;  ///< at most so many deliveries that no handler has taken
  bool is_acked = false;     ///< at least once while the session lives; needs a ttl to be of use
};
/// `disconnected`, `resumed`, `renewed` (reason `epoch ...`: the daemon was restarted), `draining`,
/// `closed` (for good: another client has taken the session over).
struct session_change {
  std::string kind{};
  std::string reason{};
};

/// One line of the protocol, split at its spaces. Views into the line; words past the 32nd are
/// those of a later version.
class words {
 public:
  explicit words(std::string_view line) {
    for (std::size_t at = 0; at <= line.size() && count_ < all_.size();) {
      const auto end = std::min(line.find(' ', at), line.size());
      all_[count_++] = line.substr(at, end - at);
      at = end + 1;
    }
  }
  /// Empty when there are fewer.
  [[nodiscard]] std::string_view at(std::size_t index) const noexcept {
    return index < count_ ? all_[index] : std::string_view{};
  }
  [[nodiscard]] std::string_view last() const noexcept { return at(count_ - 1); }
  /// The value of `key=value`; empty when there is none.
  [[nodiscard]] std::string_view key(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < count_; ++i) {
      const auto word = all_[i];
      if (word.starts_with(name) && word.substr(name.size()).starts_with('=')) {
        return word.substr(name.size() + 1);
      }
    }
    return {};
  }
  [[nodiscard]] static std::uint64_t to_number(std::string_view word) noexcept {
    std::uint64_t value = 0;
    std::from_chars(word.data(), word.data() + word.size(), value);
    return value;
  }
  /// 0 for what is no number.
  [[nodiscard]] std::uint64_t number(std::size_t index) const noexcept {
    return to_number(at(index));
  }
  [[nodiscard]] std::uint64_t number(std::string_view name) const noexcept {
    return to_number(key(name));
  }

 private:
  std::array<std::string_view, 32> all_{};
  std::size_t count_ = 0;
};

/// ` key=value`, or nothing for an empty value.
inline std::string key(std::string_view name, std::string_view value) {
  return value.empty() ? std::string{} : ' ' + std::string{name} + '=' + std::string{value};
}
inline std::string key(std::string_view name, std::int64_t value) {
  return value == 0 ? std::string{} : key(name, std::to_string(value));
}

/// Whether a text can stand as one word of a line: another byte could add a key, or end the line.
inline bool is_word(std::string_view text) noexcept {
  for (const char byte : text) {
    if (byte <= ' ' || byte > '~' || byte == '=') return false;
  }
  return !text.empty() && text.size() <= 200;
}

/// A pattern or address with the topic it has when it names none.
inline std::string with_topic(std::string_view pattern) {
  return std::string{pattern} + (pattern.find('/') == pattern.npos ? "/default" : "");
}

/// A control line and its payload; views into what was received.
struct piece {
  std::string_view line{};
  std::string_view payload{};
};
inline piece split(std::string_view frame) {
  const auto end = frame.find('\n');
  if (end == frame.npos) return {frame, {}};
  return {frame.substr(0, end), frame.substr(end + 1)};
}

/// Appends one entry of a BATCH: its length in four bytes, little end first, and the message.
inline void pack(std::string& batch, const piece& it) {
  const auto size = it.line.size() + 1 + it.payload.size();
  for (unsigned shift = 0; shift < 32; shift += 8) batch += static_cast<char>(size >> shift & 0xFF);
  batch.append(it.line).append(1, '\n').append(it.payload);
}
/// The entries of a BATCH; nothing if count and lengths do not add up.
inline std::optional<std::vector<piece>> unpack(std::string_view batch, std::uint64_t count) {
  std::vector<piece> all;
  while (batch.size() >= 4) {
    std::size_t size = 0;
    for (std::size_t i = 4; i-- > 0;) size = size << 8 | static_cast<unsigned char>(batch[i]);
    if (size > batch.size() - 4) return std::nullopt;
    all.push_back(split(batch.substr(4, size)));
    batch.remove_prefix(4 + size);
  }
  if (!batch.empty() || all.size() != count) return std::nullopt;
  return all;
}

/// An endpoint as WELCOME writes it, %XX decoded.
inline std::string plain(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool is_coded = text[i] == '%' && i + 2 < text.size();
    if (is_coded) std::from_chars(text.data() + i + 1, text.data() + i + 3, code, 16);
    out += is_coded ? static_cast<char>(code) : text[i];
    if (is_coded) i += 2;
  }
  return out;
}

/// What to do about a refusal; PROTOCOL.md section 6 has the same, and the meaning.
inline std::string_view advice(int number, std::string_view token) {
  struct row {
    std::string_view token, next;
  };
  static constexpr row rows[] = {
      {"bad_addr", "use letters, digits and . _ : -, write other bytes as %XX"},
      {"bad_name", "use letters, digits and . _ : -, write other bytes as %XX"},
      {"unauthenticated", "give the client the keys that this daemon knows"},
      {"forbidden", "ask for a rule that allows it, or use your own name"},
      {"reserved_name", "choose a name that does not begin with $"},
      {"no_actor", "check the name, or spawn the actor: backstagectl actors shows those there are"},
      {"no_value", "publish with retain there first"},
      {"no_sub", "compare the pattern with that of subscribe"},
      {"no_request", "nothing: the requester has its answer"},
      {"name_in_use", "choose another name, or end the client that has it"},
      {"superseded", "close this client: another has taken over its session"},
      {"no_session", "open a new session"},
      {"too_large", "split the payload"},
      {"mailbox_full", "send more slowly, and again after the time in `retry`"},
      {"slow_consumer", "take messages faster, or subscribe with over=oldest"},
      {"subs_full", "unsubscribe, or use patterns"},
      {"actor_failed", "look into the dead letters; the request may have had effects"},
      {"unsupported", "do without, or use a newer daemon"},
      {"stopping", "try again after the restart"},
      {"parked", "have an operator unpark it"},
      {"timeout", "give it more time; the request may have had effects"},
      {"version", "use a client that speaks one of the versions in `supported`"}};
  for (const auto& [known, next] : rows) {
    if (known == token) return next;
  }
  switch (number) {
    case 429:
    case 503:
    case 504:
      return "try again later, or with less";
    default:
      return number / 100 == 5 ? "see the daemon's log" : "correct the call; the text says what";
  }
}

/// The error of a line `ERR id code token`; `what` was asked.
inline error error_of(const words& line, std::string_view body, const std::string& what) {
  const auto token = line.at(3);
  const int number = static_cast<int>(line.number(2));
  auto text = what + ": " + std::to_string(number) + ' ' + std::string{token};
  if (!body.empty()) text.append(": ").append(body);
  return {number,
          std::string{token},
          std::move(text),
          std::string{advice(number, token)},
          milliseconds{line.number("retry")},
          std::string{body}};
}

/// Whether that is an endpoint, a directory that is there, or a file that may come to be.
inline bool is_place(const std::string& text) {
  std::error_code none;
  return text.find("://") != text.npos || text.ends_with(".json") ||
         std::filesystem::is_directory(text, none);
}
/// An endpoint; or that which is written in an endpoints.json, given the file or its directory.
/// Empty if there is none in it.
inline std::string endpoint_in(const std::string& place) {
  if (place.find("://") != place.npos) return place;
  const bool is_file = place.ends_with(".json");
  std::ifstream file(is_file ? place : place + "/endpoints.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto from = text.find('"', text.find('[', text.find("\"cmd\"")));
  if (from == text.npos || text.find("\"cmd\"") == text.npos) return {};
  const auto to = text.find('"', from + 1);
  return to == text.npos ? std::string{} : text.substr(from + 1, to - from - 1);
}

/// `cmd` of the daemon of this machine and user: $BACKSTAGED_ENDPOINT, else as its endpoints.json
/// says, else the default.
inline std::string find_endpoint(const std::string& uid) {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
  if (auto given = variable("BACKSTAGED_ENDPOINT"); !given.empty()) return given;
  auto folder = variable("RUNTIME_DIRECTORY");
  const auto user = variable("XDG_RUNTIME_DIR");
  if (folder.empty()) folder = user.empty() ? "/tmp/backstaged-" + uid : user + "/backstaged";
  const auto written = endpoint_in(folder);
  return written.empty() ? "tcp://127.0.0.1:7770" : written;
}

}  // namespace backstage::client
