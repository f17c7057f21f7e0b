#include "daemon/wire/options.hpp"

#include <array>
#include <chrono>

#include "core/values/limits.hpp"
#include "core/values/names.hpp"

namespace backstage::wire {
namespace {

constexpr std::uint64_t request_ttl_ms_max =
    std::chrono::milliseconds(request_deadline_max).count();

std::optional<Key> find_key(std::string_view word) noexcept {
  switch (packed(word)) {
    case packed("id"):
      return Key::id;
    case packed("type"):
      return Key::type;
    case packed("from"):
      return Key::from;
    case packed("ttl"):
      return Key::ttl;
    case packed("retain"):
      return Key::retain;
    case packed("window"):
      return Key::window;
    case packed("ack"):
      return Key::ack;
    case packed("snap"):
      return Key::snap;
    case packed("over"):
      return Key::over;
    case packed("v"):
      return Key::v;
    case packed("name"):
      return Key::name;
    case packed("resume"):
      return Key::resume;
    case packed("hb"):
      return Key::hb;
    case packed("verbose"):
      return Key::verbose;
    case packed("frames"):
      return Key::frames;
    case packed("batch"):
      return Key::batch;
    default:
      return std::nullopt;
  }
}

// Reads the value of one known key; `expected_` says what a wrong one should have been.
class Values {
 public:
  Values(Verb verb, Options& options) noexcept : verb_(verb), options_(options) {}

  [[nodiscard]] bool take(Key key, std::string_view value) {
    switch (key) {
      case Key::id:
        return number(value, options_.id, std::uint64_t{1}, id_max, "1 to 9223372036854775807");
      case Key::type:
        return name(value, options_.type);
      case Key::from:
        return name(value, options_.from);
      case Key::name:
        return name(value, options_.name);
      case Key::ttl:
        return ttl(value);
      case Key::window:
        return number(value, options_.window, 1U, window_max, "1 to 65536 messages");
      case Key::hb:
        return heartbeat(value);
      case Key::retain:
        return flag(value, options_.retain);
      case Key::ack:
        return flag(value, options_.ack);
      case Key::snap:
        return flag(value, options_.snapshot);
      case Key::verbose:
        return flag(value, options_.verbose);
      case Key::batch:
        return flag(value, options_.batch);
      case Key::frames:
        return frames(value);
      case Key::resume:
        return resume(value);
      case Key::over:
        options_.over = find_over(value);
        return options_.over.has_value() || expect("oldest, newest, conflate or kick");
      case Key::v:
        return true;  // Read before all other keys, which depend on it.
    }
    return false;
  }
  [[nodiscard]] std::string_view expected() const noexcept { return expected_; }
  [[nodiscard]] Errc code() const noexcept { return code_; }

 private:
  [[nodiscard]] bool expect(std::string_view what, Errc code = Errc::bad_arg) noexcept {
    expected_ = what;
    code_ = code;
    return false;
  }
  template <class Number>
  [[nodiscard]] bool number(std::string_view value, Number& out, Number min, Number max,
                            std::string_view what) noexcept {
    const auto parsed = parse_number<Number>(value, min, max);
    if (!parsed) return expect(what);
    out = *parsed;
    return true;
  }
  [[nodiscard]] bool flag(std::string_view value, bool& out) noexcept {
    if (value != "0" && value != "1") return expect("0 or 1");
    out = value == "1";
    return true;
  }
  [[nodiscard]] bool name(std::string_view value, std::string_view& out) noexcept {
    if (!is_actor_name(value)) {
      return expect("1 to 64 of A-Z a-z 0-9 . _ : - or %XX", Errc::bad_name);
    }
    if (is_reserved(value)) {
      return expect("a name without '$', which belongs to the daemon", Errc::reserved_name);
    }
    out = value;
    return true;
  }
  [[nodiscard]] bool ttl(std::string_view value) noexcept {
    if (verb_ == Verb::hello) {
      return number<std::uint64_t>(value, options_.ttl, 0, session_ttl_max, "0 to 86400 seconds");
    }
    return number<std::uint64_t>(value, options_.ttl, 1, request_ttl_ms_max,
                                 "1 to 86400000 milliseconds");
  }
  [[nodiscard]] bool heartbeat(std::string_view value) noexcept {
    if (value == "0") return true;
    return number(value, options_.heartbeat_ms, heartbeat_ms_min, heartbeat_ms_max,
                  "0, or 100 to 3600000 milliseconds");
  }
  [[nodiscard]] bool frames(std::string_view value) noexcept {
    if (value != "1" && value != "2") return expect("1 or 2");
    options_.one_frame = value == "1";
    return true;
  }
  [[nodiscard]] bool resume(std::string_view value) noexcept {
    if (value.empty() || value.size() > token_bytes_max) return expect("a token of WELCOME");
    options_.resume = value;
    return true;
  }

  Verb verb_;
  Options& options_;
  std::string_view expected_;
  Errc code_ = Errc::bad_arg;
};

Fault wrong_word(Verb verb, const Word& word) {
  std::string text = quoted(word.text);
  text.append(word.has_equals() ? " has no key before '='"
                                : " is one argument too many, or comes after a key");
  return {status(Errc::bad_arg), text.append(remedy(verb))};
}

}  // namespace

Keys keys_of(Verb verb) noexcept {
  // In the order of the enumerators.
  static constexpr std::array<Keys, verb_count> table{
      keys(Key::id, Key::v, Key::name, Key::resume, Key::ttl, Key::hb, Key::verbose, Key::frames,
           Key::batch),
      keys(Key::id, Key::type, Key::from),
      keys(Key::id, Key::type, Key::ttl),
      keys(Key::id, Key::type, Key::from, Key::retain),
      keys(Key::id, Key::window, Key::ack, Key::snap, Key::over),
      keys(Key::id),             // UNSUB
      keys(Key::id),             // GET
      keys(Key::id),             // ACK
      keys(Key::id),             // PING
      keys(Key::id, Key::type),  // REP
      keys(Key::id),             // ERR
      keys(Key::id),             // SYNC
      keys(Key::id),             // BATCH
      keys(Key::id),             // BYE
      keys(Key::id),             // WATCH
      keys(Key::id),             // UNWATCH
  };
  return table[static_cast<std::size_t>(verb)];
}

std::optional<Fault> read_options(Verb verb, Words words, Options& options) {
  const Keys taken = keys_of(verb);
  Keys seen = 0;
  Values values(verb, options);
  while (!words.empty()) {
    const Word word = words.next();
    if (!word.is_pair()) return wrong_word(verb, word);
    const bool must = word.key().back() == '!';
    const auto name = word.key().substr(0, word.equals - (must ? 1 : 0));
    const auto key = find_key(name);
    if (!key || (bit(*key) & taken) == 0) {
      if (!must) continue;
      return Fault{status(Errc::unsupported),
                   std::string(text(verb)) + " has no key " + quoted(name) +
                       "; without the '!' it would be ignored" + remedy(verb)};
    }
    if ((bit(*key) & seen) != 0) {
      return Fault{status(Errc::bad_arg), quoted(name) + " is given twice; give it once"};
    }
    seen |= bit(*key);
    if (!values.take(*key, word.value())) {
      return Fault{status(values.code()), std::string(name) + "= takes " +
                                              std::string(values.expected()) + ", not " +
                                              quoted(word.value()) + remedy(verb)};
    }
  }
  return std::nullopt;
}

std::string quoted(std::string_view text) {
  static constexpr std::size_t shown_max = 64;
  std::string out = "'";
  out.append(text.substr(0, shown_max)).append(text.size() > shown_max ? "...'" : "'");
  return out;
}

std::string remedy(Verb verb) { return std::string("; write: ").append(usage(verb)); }

}  // namespace backstage::wire
