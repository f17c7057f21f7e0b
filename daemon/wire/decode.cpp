#include "daemon/wire/decode.hpp"

#include <algorithm>

#include "core/values/limits.hpp"
#include "core/values/names.hpp"
#include "daemon/wire/line.hpp"
#include "daemon/wire/options.hpp"

namespace backstage::wire {
namespace {

Refusal bad_frame(std::string_view control, std::string_view text) {
  return {find_id(control), status(WireErrc::bad_frame), std::string(text)};
}

Refusal bad_verb(std::string_view control, std::string_view word) {
  std::string upper(word);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  std::string text = quoted(word) + " is not a verb; ";
  if (find_verb(upper)) {
    text.append("verbs are upper case: write ").append(upper);
  } else {
    text.append("the verbs are");
    for (std::size_t i = 0; i < verb_count; ++i) append_word(text, wire::text(Verb(i)));
  }
  return {find_id(control), status(WireErrc::bad_verb), std::move(text)};
}

// Reads one line whose verb is known: arguments first, then keys.
class Reader {
 public:
  using Decoded = std::expected<Command, Refusal>;

  Reader(std::string_view control, Verb verb, Words rest) noexcept
      : control_(control), verb_(verb), words_(rest) {}

  [[nodiscard]] Decoded read() {
    switch (verb_) {
      case Verb::hello:
        return hello();
      case Verb::send:
        return send();
      case Verb::req:
        return request();
      case Verb::pub:
        return publish();
      case Verb::sub:
        return subscribe();
      case Verb::unsub:
        return unsubscribe();
      case Verb::get:
        return get();
      case Verb::ack:
        return ack();
      case Verb::ping:
        return ping();
      case Verb::rep:
        return reply();
      case Verb::err:
        return reply_error();
      case Verb::sync:
        return sync();
      case Verb::batch:
        return batch();
      case Verb::bye:
        return options() ? Decoded(Bye{options_.id}) : refused();
      case Verb::watch:
        return actor_only<Watch>();
      case Verb::unwatch:
        return actor_only<Unwatch>();
    }
    return refused();
  }

 private:
  // --- Refusing. ---------------------------------------------------------------------------------
  [[nodiscard]] bool fail(Status status, std::string text) {
    fault_ = Fault{status, std::move(text)};
    return false;
  }
  [[nodiscard]] Decoded refused() {
    return std::unexpected(Refusal{find_id(control_), fault_.status, std::move(fault_.text)});
  }

  // --- Arguments. --------------------------------------------------------------------------------
  [[nodiscard]] bool argument(std::string_view& out) {
    out = words_.next_argument();
    if (!out.empty()) return true;
    return fail(status(Errc::bad_arg),
                std::string(text(verb_)) + " lacks an argument" + remedy(verb_));
  }
  template <class Number>
  [[nodiscard]] bool number(Number& out, Number min, Number max, std::string_view what,
                            Status otherwise = status(Errc::bad_arg)) {
    std::string_view word;
    if (!argument(word)) return false;
    const auto parsed = parse_number<Number>(word, min, max);
    if (parsed) out = *parsed;
    return parsed || fail(otherwise, quoted(word) + " is not " + std::string(what) + remedy(verb_));
  }
  [[nodiscard]] bool bad_address(std::string_view word, std::string_view why) {
    return fail(status(Errc::bad_addr), quoted(word) + std::string(why) + remedy(verb_));
  }
  [[nodiscard]] bool actor(std::string_view& out) {
    if (!argument(out)) return false;
    if (is_actor_name(out)) return true;
    if (out.find('/') != std::string_view::npos) {
      return bad_address(out,
                         " is a topic's address, and this verb takes an actor: drop the topic");
    }
    return bad_address(out, " is not an actor: 1 to 64 of A-Z a-z 0-9 . _ : - or %XX");
  }
  // `actor`, `actor/topic`, and if the own name is allowed `/topic`.
  [[nodiscard]] bool address(std::string_view& actor, std::string_view& topic, bool own) {
    std::string_view word;
    return argument(word) && address(word, actor, topic, own);
  }
  [[nodiscard]] bool address(std::string_view word, std::string_view& actor,
                             std::string_view& topic, bool own) {
    const auto slash = word.find('/');
    actor = word.substr(0, slash);
    topic = slash == std::string_view::npos ? default_topic : word.substr(slash + 1);
    const bool legal = (own && slash == 0) || is_actor_name(actor);
    if (legal && is_topic_name(topic) && actor.size() + 1 + topic.size() <= address_bytes_max) {
      return true;
    }
    if (word.find_first_of("*>") != std::string_view::npos) {
      return bad_address(word, " is a pattern, and this verb takes one address");
    }
    return bad_address(
        word,
        " is not an address: an actor of 1 to 64, '/', a topic of 1 to 128 of A-Z a-z "
        "0-9 . _ : - or %XX, no empty token, 200 bytes in all");
  }
  [[nodiscard]] std::optional<Pattern> pattern() {
    std::string_view word;
    if (!argument(word)) return std::nullopt;
    auto parsed = Pattern::parse(word);
    if (parsed) return *std::move(parsed);
    static_cast<void>(bad_address(
        word,
        " is not a pattern: actor/topic, where '*' is the actor or one whole token of the topic, "
        "and '>' its last token and all that follow"));
    return std::nullopt;
  }
  [[nodiscard]] bool options() {
    if (auto fault = read_options(verb_, words_, options_)) {
      fault_ = *std::move(fault);
      return false;
    }
    return true;
  }

  // --- Verbs. ------------------------------------------------------------------------------------
  [[nodiscard]] Decoded hello() {
    if (!version() || !options()) return refused();
    return Hello{.id = options_.id,
                 .name = options_.name,
                 .resume = options_.resume,
                 .ttl = std::chrono::seconds(options_.ttl),
                 .heartbeat = std::chrono::milliseconds(options_.heartbeat_ms),
                 .verbose = options_.verbose,
                 .one_frame = options_.one_frame,
                 .batch = options_.batch};
  }
  // Before all other keys: a HELLO that speaks only later versions may give them other values.
  [[nodiscard]] bool version() {
    Words words = words_;
    while (!words.empty()) {
      const Word word = words.next();
      if (word.has_equals() && word.key() == "v") return version_in_common(word.value());
    }
    return fail(status(Errc::bad_arg), "HELLO names the versions you speak" + remedy(verb_));
  }
  [[nodiscard]] bool version_in_common(std::string_view list) {
    bool found = false;
    for (std::string_view rest = list;;) {
      const auto comma = rest.find(',');
      const auto one = parse_number<std::uint32_t>(rest.substr(0, comma), 1, 65'535);
      if (!one) {
        return fail(status(Errc::bad_arg),
                    "v= takes versions split by commas, not " + quoted(list) + remedy(verb_));
      }
      found = found || *one == protocol_version;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
    return found || fail(status(WireErrc::version), {});
  }
  [[nodiscard]] Decoded send() {
    Send send;
    if (!actor(send.actor) || !options()) return refused();
    send.id = options_.id;
    send.type = options_.type;
    send.from = options_.from;
    return send;
  }
  [[nodiscard]] Decoded request() {
    Request request;
    if (!actor(request.actor) || !options()) return refused();
    request.id = options_.id;
    request.ttl = std::chrono::milliseconds(options_.ttl);
    request.type = options_.type;
    return request;
  }
  [[nodiscard]] Decoded publish() {
    Publish publish;
    if (!address(publish.actor, publish.topic, true) || !options()) return refused();
    publish.id = options_.id;
    publish.type = options_.type;
    publish.from = options_.from;
    publish.retain = options_.retain;
    return publish;
  }
  [[nodiscard]] Decoded subscribe() {
    auto what = pattern();
    if (!what || !options()) return refused();
    return Subscribe{.id = options_.id,
                     .pattern = *std::move(what),
                     .window = options_.window,
                     .over = options_.over,
                     .ack = options_.ack,
                     .snapshot = options_.snapshot};
  }
  [[nodiscard]] Decoded unsubscribe() {
    auto what = pattern();
    if (!what || !options()) return refused();
    return Unsubscribe{options_.id, *std::move(what)};
  }
  [[nodiscard]] Decoded get() {
    Get get;
    if (!address(get.actor, get.topic, false) || !options()) return refused();
    get.id = options_.id;
    return get;
  }
  [[nodiscard]] Decoded ack() {
    Ack ack;
    if (!number<std::uint64_t>(ack.sub, 0, id_max, "the number of a subscription") ||
        !number<std::uint64_t>(ack.seq, 1, id_max, "a sequence number")) {
      return refused();
    }
    const auto word = words_.next_argument();
    if (!word.empty() && !address(word, ack.actor, ack.topic, false)) return refused();
    if (!options()) return refused();
    ack.id = options_.id;
    return ack;
  }
  [[nodiscard]] Decoded ping() {
    const auto token = words_.next_argument();
    if (token.size() > token_bytes_max) {
      static_cast<void>(
          fail(status(Errc::bad_arg), "the token of PING is at most 64 bytes" + remedy(verb_)));
      return refused();
    }
    if (!options()) return refused();
    return Ping{options_.id, token};
  }
  [[nodiscard]] Decoded reply() {
    Reply reply;
    if (!number<std::uint64_t>(reply.rid, 1, id_max, "a rid of a MSG") || !options()) {
      return refused();
    }
    reply.id = options_.id;
    reply.type = options_.type;
    return reply;
  }
  [[nodiscard]] Decoded reply_error() {
    ReplyError error;
    if (!number<std::uint64_t>(error.rid, 1, id_max, "a rid of a MSG") ||
        !number<std::uint16_t>(error.code, 400, 599, "an error number, 400 to 599") ||
        !argument(error.token)) {
      return refused();
    }
    if (!is_error_token(error.token)) {
      static_cast<void>(fail(
          status(Errc::bad_arg),
          quoted(error.token) + " is not an error token: 1 to 64 of a-z 0-9 _" + remedy(verb_)));
      return refused();
    }
    if (!options()) return refused();
    error.id = options_.id;
    return error;
  }
  [[nodiscard]] Decoded sync() {
    Sync sync;
    if (!argument(sync.token)) return refused();
    if (!is_actor_name(sync.token)) {
      static_cast<void>(
          fail(status(Errc::bad_arg), quoted(sync.token) +
                                          " is not a token: 1 to 64 of A-Z a-z 0-9 . _ : - or %XX" +
                                          remedy(verb_)));
      return refused();
    }
    if (!options()) return refused();
    sync.id = options_.id;
    return sync;
  }
  [[nodiscard]] Decoded batch() {
    Batch batch;
    if (!number(batch.count, 1U, batch_entries_max, "a count of 1 to 1024 entries",
                status(WireErrc::bad_batch)) ||
        !options()) {
      return refused();
    }
    batch.id = options_.id;
    return batch;
  }
  template <class WatchOrUnwatch>
  [[nodiscard]] Decoded actor_only() {
    WatchOrUnwatch command;
    if (!actor(command.actor) || !options()) return refused();
    command.id = options_.id;
    return command;
  }

  std::string_view control_;
  Verb verb_;
  Words words_;
  Options options_;
  Fault fault_;
};

}  // namespace

std::expected<Message, Refusal> split(std::span<const std::string_view> frames) {
  const std::string_view first = frames.empty() ? std::string_view{} : frames.front();
  const auto line_feed = first.substr(0, control_bytes_max + 1).find('\n');
  const auto control = first.substr(0, line_feed);
  if (control.empty()) {
    return std::unexpected(bad_frame({}, "the message has no control line; it begins with a verb"));
  }
  if (frames.size() > frames_max) {
    return std::unexpected(
        bad_frame(control, "a message is one or two frames: control line, payload"));
  }
  if (frames.size() == 2) {
    if (line_feed != std::string_view::npos) {
      return std::unexpected(bad_frame(
          control, "the first of two frames is the control line alone; it has no LF in it"));
    }
    return Message{control, frames[1], 1, 0};
  }
  if (line_feed == std::string_view::npos) return Message{control, {}, 0, first.size()};
  return Message{control, first.substr(line_feed + 1), 0, line_feed + 1};
}

std::expected<Command, Refusal> decode(std::string_view control) {
  if (const auto fault = line_fault(control); !fault.empty()) {
    return std::unexpected(bad_frame(control, fault));
  }
  Words words(control);
  const auto word = words.next().text;
  const auto verb = find_verb(word);
  if (!verb) return std::unexpected(bad_verb(control, word));
  return Reader(control, *verb, words).read();
}

}  // namespace backstage::wire
