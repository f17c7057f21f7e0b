#include "daemon/wire/format.hpp"

#include "daemon/wire/line.hpp"

#include <array>

namespace backstage::wire {
namespace {

struct Row {
  std::string_view verb;
  std::string_view usage;
};

// In the order of the enumerators.
constexpr std::array<Row, verb_count> rows{{
    {"HELLO", "HELLO v=1 [name=NAME] [verbose=1] [frames=1]"},
    {"SEND", "SEND actor [id=N] [type=NAME]"},
    {"REQ", "REQ actor id=N [ttl=MS] [type=NAME]"},
    {"PUB", "PUB actor/topic [id=N] [type=NAME] [retain=1]"},
    {"SUB", "SUB actor[/topic] [id=N] [snap=1] [over=oldest|newest|conflate|kick]"},
    {"UNSUB", "UNSUB actor[/topic] [id=N]"},
    {"GET", "GET actor[/topic] id=N"},
    {"ACK", "ACK sub seq [address]"},
    {"PING", "PING [token]"},
    {"REP", "REP rid [type=NAME]"},
    {"ERR", "ERR rid code token"},
    {"SYNC", "SYNC token [id=N]"},
    {"BATCH", "BATCH count [id=N]"},
    {"BYE", "BYE"},
    {"WATCH", "WATCH actor [id=N]"},
    {"UNWATCH", "UNWATCH actor [id=N]"},
}};

constexpr std::array<std::string_view, 4> over_texts{"oldest", "newest", "conflate", "kick"};
constexpr std::array<std::string_view, 4> gap_texts{"slow", "resume", "shed", "conflate"};

template <class Choice, std::size_t n>
std::optional<Choice> find(const std::array<std::string_view, n>& texts, std::string_view word) {
  for (std::size_t i = 0; i < n; ++i) {
    if (texts[i] == word) return static_cast<Choice>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view text(Verb verb) noexcept { return rows[static_cast<std::size_t>(verb)].verb; }
std::string_view usage(Verb verb) noexcept { return rows[static_cast<std::size_t>(verb)].usage; }

std::optional<Verb> find_verb(std::string_view word) noexcept {
  switch (packed(word)) {
    case packed("HELLO"):
      return Verb::hello;
    case packed("SEND"):
      return Verb::send;
    case packed("REQ"):
      return Verb::req;
    case packed("PUB"):
      return Verb::pub;
    case packed("SUB"):
      return Verb::sub;
    case packed("UNSUB"):
      return Verb::unsub;
    case packed("GET"):
      return Verb::get;
    case packed("ACK"):
      return Verb::ack;
    case packed("PING"):
      return Verb::ping;
    case packed("REP"):
      return Verb::rep;
    case packed("ERR"):
      return Verb::err;
    case packed("SYNC"):
      return Verb::sync;
    case packed("BATCH"):
      return Verb::batch;
    case packed("BYE"):
      return Verb::bye;
    case packed("WATCH"):
      return Verb::watch;
    case packed("UNWATCH"):
      return Verb::unwatch;
    default:
      return std::nullopt;
  }
}

std::string_view text(Over over) noexcept { return over_texts[static_cast<std::size_t>(over)]; }
std::optional<Over> find_over(std::string_view word) noexcept {
  return find<Over>(over_texts, word);
}

std::string_view text(GapReason reason) noexcept {
  return gap_texts[static_cast<std::size_t>(reason)];
}
std::optional<GapReason> find_gap_reason(std::string_view word) noexcept {
  return find<GapReason>(gap_texts, word);
}

}  // namespace backstage::wire
