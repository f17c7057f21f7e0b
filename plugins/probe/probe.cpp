// probe: does on demand what tests need an actor to do. Test-only; actor type `probe`.
//
// The message type is the command, the body its argument; "A B C" are words split by one blank.
// Commands answer requests; sent without waiting for a reply they do the same in silence. Mail
// without a type is recorded. A command that fails is refused with the code that caused it.
//
//   name                 reply: the own name
//   echo TEXT            reply: TEXT, same buffer
//   large N              reply: N bytes 'x' in one shared buffer
//   sleep MS, spin MS    block, or burn the processor, for MS; reply "done"
//   fail TEXT            return a failure with TEXT
//   throw TEXT           throw std::runtime_error(TEXT)
//   stop                 reply "stopping", then end
//   mute                 a request that is never answered
//   later, answer TEXT   keep this request; answer all kept ones with TEXT, reply how many took it
//   twice                reply "first", then "second"; publish the second one's status on `twice`
//   got                  reply: what was recorded, one a line: "KIND ADDRESS-OR-SENDER SEQ BODY"
//   count                reply: "send=N publish=N request=N reply=N timer=N down=N interest=N"
//   send TO TYPE TEXT    send; reply: the status
//   post TO TEXT         the same from a thread outside of any turn
//   ask TO MS TYPE TEXT  request with that timeout; the reply goes to whoever asked: "STATUS BODY"
//   publish TOPIC N      publish "1" to "N" on TOPIC, then reply N
//   retain TOPIC TEXT    publish one retained message; reply: the status
//   subscribe PATTERN, unsubscribe ID     reply: the id; "ok"
//   watch TOPICS         watch interest in own topics; what comes is recorded, and published on
//                        `seen` as "ADDRESS 1" or "ADDRESS 0"
//   spawn TYPE NAME CONFIG, spawn_child TYPE NAME CONFIG     reply: "created" or "existing"
//   monitor NAME, demonitor NAME          what comes is recorded, and published on `down` as "NAME
//                        REASON"
//   after MS, every MS, cancel ID         reply: the timer's id; "ok"
//
// Config of the actor: {"init": "COMMAND", "argument": "TEXT"} runs one command at its creation
// (subscribe, watch, every, after, sleep; "fail" fails the creation). Config of the plugin:
// {"fail": "TEXT"} fails its init.
#include <array>
#include <backstage/plugin.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using backstage::context;
using backstage::message;
using backstage::message_kind;

namespace {

constexpr std::size_t recorded_max = 10'000;

/// Takes the first word; `rest` keeps what is behind the blank.
std::string_view word(std::string_view& rest) {
  const auto blank = rest.find(' ');
  const std::string_view taken = rest.substr(0, blank);
  rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
  return taken;
}

std::int64_t number(std::string_view text, std::int64_t max) {
  const auto value = backstage::to_integer(text);
  if (value && *value >= 0 && *value <= max) return *value;
  throw backstage::error(BS_E_ARG, "probe wants a number from 0 to " + std::to_string(max) +
                                       ", not \"" + std::string{text.substr(0, 32)} + "\"");
}

backstage::milliseconds duration(std::string_view text) {
  return backstage::milliseconds{number(text, 3'600'000)};
}

void must(backstage::status answer, std::string_view what) {
  if (!answer.ok()) {
    throw backstage::error(answer.code(), std::string{what} + ": " + std::string{answer.name()});
  }
}

struct Failure {
  std::string text;
};

}  // namespace

class Probe {
 public:
  static constexpr char name[] = "probe";

  Probe(backstage::config given, context& ctx) {
    const std::string command = given.string("init", "");
    const std::string argument = given.string("argument", "");
    if (command == "subscribe") must(ctx.subscribe(argument).status(), argument);
    if (command == "watch") must(ctx.watch_interest(argument), argument);
    if (command == "every") must(ctx.every(duration(argument)).status(), argument);
    if (command == "after") must(ctx.after(duration(argument)).status(), argument);
    if (command == "sleep") std::this_thread::sleep_for(duration(argument));
    if (command == "fail") throw backstage::error(argument);
  }

  backstage::status on(message m, context& ctx) {
    ++counts_[raw_kind(m)];
    if (m.kind() == message_kind::reply) return forward_reply(m, ctx), backstage::status{};
    if (!m.is_mail() || m.type().empty()) return record(m, ctx), backstage::status{};
    try {
      return run(m, ctx);
    } catch (const Failure& wanted) {
      return ctx.fail(wanted.text);
    } catch (const backstage::error& refused) {
      ctx.refuse(refused.code(), refused.what());
    }
    return {};
  }

 private:
  static std::size_t raw_kind(message m) { return static_cast<std::size_t>(m.kind()); }

  backstage::status run(message m, context& ctx) {
    return backstage::dispatch(*this, m, ctx,
                               {{"name", &Probe::tell_name},
                                {"echo", &Probe::echo},
                                {"large", &Probe::large},
                                {"sleep", &Probe::sleep},
                                {"spin", &Probe::spin},
                                {"fail", &Probe::fail},
                                {"throw", &Probe::throw_text},
                                {"stop", &Probe::stop},
                                {"mute", &Probe::mute},
                                {"later", &Probe::later},
                                {"answer", &Probe::answer},
                                {"twice", &Probe::twice},
                                {"got", &Probe::tell_got},
                                {"count", &Probe::tell_count},
                                {"send", &Probe::send},
                                {"post", &Probe::post},
                                {"ask", &Probe::ask},
                                {"publish", &Probe::publish},
                                {"retain", &Probe::retain},
                                {"subscribe", &Probe::subscribe},
                                {"unsubscribe", &Probe::unsubscribe},
                                {"watch", &Probe::watch},
                                {"spawn", &Probe::spawn},
                                {"spawn_child", &Probe::spawn_child},
                                {"monitor", &Probe::monitor},
                                {"demonitor", &Probe::demonitor},
                                {"after", &Probe::after},
                                {"every", &Probe::every},
                                {"cancel", &Probe::cancel}});
  }

  static void done(message m, context& ctx, const backstage::content& what) {
    if (m.is_request()) ctx.reply(what);
  }

  // --- About itself.
  // -------------------------------------------------------------------------------

  void tell_name(message m, context& ctx) { done(m, ctx, ctx.name()); }
  void echo(message m, context& ctx) { done(m, ctx, m.forward()); }

  void large(message m, context& ctx) {
    backstage::payload body(static_cast<std::size_t>(number(m.body(), 64 << 20)));
    for (std::byte& at : body.writable()) at = std::byte{'x'};
    done(m, ctx, body);
  }

  void sleep(message m, context& ctx) {
    std::this_thread::sleep_for(duration(m.body()));
    done(m, ctx, "done");
  }

  void spin(message m, context& ctx) {
    const auto end = std::chrono::steady_clock::now() + duration(m.body());
    while (std::chrono::steady_clock::now() < end) {
    }
    done(m, ctx, "done");
  }

  void fail(message m, context&) { throw Failure{std::string{m.body()}}; }
  void throw_text(message m, context&) { throw std::runtime_error(std::string{m.body()}); }

  void stop(message m, context& ctx) {
    done(m, ctx, "stopping");
    ctx.stop_self();
  }

  // --- Requests.
  // -----------------------------------------------------------------------------------

  void mute(message, context&) {}
  void later(message m, context&) { kept_.push_back(m.request()); }

  void answer(message m, context& ctx) {
    int taken = 0;
    for (const auto& request : std::exchange(kept_, {})) {
      if (ctx.reply(request, m.body()).ok()) ++taken;
    }
    done(m, ctx, std::to_string(taken));
  }

  void twice(message, context& ctx) {
    ctx.reply("first");
    ctx.publish("twice", std::string{ctx.reply("second").name()});
  }

  void ask(message m, context& ctx) {
    std::string_view rest = m.body();
    const auto to = ctx.resolve(word(rest));
    must(to.status(), "resolve");
    const auto timeout = duration(word(rest));
    const std::string_view type = word(rest);
    const auto id = ctx.request(to.value(), backstage::typed(type, rest), timeout);
    must(id.status(), "request");
    asked_[id.value()] = m.request();
  }

  void forward_reply(message m, context& ctx) {
    const auto found = asked_.find(m.id());
    if (found == asked_.end()) return;
    ctx.reply(found->second, std::string{m.status().name()} + " " + std::string{m.body()});
    asked_.erase(found);
  }

  // --- Mail and topics.
  // ----------------------------------------------------------------------------

  void record(message m, context& ctx) {
    static constexpr std::array kinds{"?",     "send",  "publish", "request",
                                      "reply", "timer", "down",    "interest"};
    const std::string_view who = m.topic_address().empty() ? m.from_name() : m.topic_address();
    std::string_view body = m.body();
    std::string note;
    if (m.kind() == message_kind::timer) note = std::to_string(m.id());
    if (m.kind() == message_kind::interest) {
      note = std::to_string(m.status().code());
      ctx.publish("seen", std::string{who} + " " + note);
    }
    if (m.kind() == message_kind::down) {
      ctx.publish("down", std::string{who} + " " + std::string{body});
    }
    if (!note.empty()) body = note;
    if (got_.size() == recorded_max) throw backstage::error("probe has recorded all it can");
    got_.push_back(std::string{kinds[raw_kind(m)]} + " " + std::string{who} + " " +
                   std::to_string(m.seq()) + " " + std::string{body});
    if (m.is_request()) ctx.reply("recorded");
  }

  void tell_got(message m, context& ctx) {
    std::string text;
    for (const auto& line : got_) text.append(line).push_back('\n');
    done(m, ctx, text);
  }

  void tell_count(message m, context& ctx) {
    const auto part = [this](const char* label, message_kind kind) {
      return label + std::to_string(counts_[static_cast<std::size_t>(kind)]);
    };
    done(m, ctx,
         part("send=", message_kind::send) + part(" publish=", message_kind::publish) +
             part(" request=", message_kind::request) + part(" reply=", message_kind::reply) +
             part(" timer=", message_kind::timer) + part(" down=", message_kind::down) +
             part(" interest=", message_kind::interest));
  }

  void send(message m, context& ctx) {
    std::string_view rest = m.body();
    const std::string_view to = word(rest);
    const std::string_view type = word(rest);
    done(m, ctx, ctx.send(to, backstage::typed(type, rest)).name());
  }

  void post(message m, context& ctx) {
    std::string_view rest = m.body();
    const auto to = ctx.resolve(word(rest));
    must(to.status(), "resolve");
    backstage::status answer;
    std::thread outside([&] { answer = backstage::post(to.value(), rest); });
    outside.join();
    done(m, ctx, answer.name());
  }

  void publish(message m, context& ctx) {
    std::string_view rest = m.body();
    const std::string_view topic = word(rest);
    const std::int64_t count = number(rest, 1'000'000);
    for (std::int64_t i = 1; i <= count; ++i) must(ctx.publish(topic, std::to_string(i)), topic);
    done(m, ctx, std::to_string(count));
  }

  void retain(message m, context& ctx) {
    std::string_view rest = m.body();
    const std::string_view topic = word(rest);
    done(m, ctx, ctx.retain(topic, rest).name());
  }

  void subscribe(message m, context& ctx) {
    const auto made = ctx.subscribe(m.body());
    must(made.status(), "subscribe");
    done(m, ctx, std::to_string(made.value()));
  }

  void unsubscribe(message m, context& ctx) {
    must(ctx.unsubscribe(static_cast<std::uint64_t>(number(m.body(), INT64_MAX))), "unsubscribe");
    done(m, ctx, "ok");
  }

  void watch(message m, context& ctx) {
    must(ctx.watch_interest(m.body()), "watch");
    done(m, ctx, "ok");
  }

  // --- Others' lives, and time.
  // --------------------------------------------------------------------

  void spawn(message m, context& ctx) {
    std::string_view rest = m.body();
    const std::string_view type = word(rest);
    const std::string_view who = word(rest);
    tell_spawned(m, ctx, ctx.spawn(type, who, rest));
  }
  void spawn_child(message m, context& ctx) {
    std::string_view rest = m.body();
    const std::string_view type = word(rest);
    const std::string_view who = word(rest);
    tell_spawned(m, ctx, ctx.spawn_child(type, who, rest));
  }
  static void tell_spawned(message m, context& ctx,
                           const backstage::result<backstage::spawned>& made) {
    must(made.status(), "spawn");
    done(m, ctx, made.value().existed ? "existing" : "created");
  }

  void monitor(message m, context& ctx) {
    const auto who = ctx.resolve(m.body());
    must(who.status(), "resolve");
    must(ctx.monitor(who.value()), "monitor");
    done(m, ctx, "ok");
  }
  void demonitor(message m, context& ctx) {
    const auto who = ctx.resolve(m.body());
    must(who.status(), "resolve");
    must(ctx.demonitor(who.value()), "demonitor");
    done(m, ctx, "ok");
  }

  void after(message m, context& ctx) { tell_timer(m, ctx, ctx.after(duration(m.body()))); }
  void every(message m, context& ctx) { tell_timer(m, ctx, ctx.every(duration(m.body()))); }
  static void tell_timer(message m, context& ctx, const backstage::result<std::uint64_t>& timer) {
    must(timer.status(), "timer");
    done(m, ctx, std::to_string(timer.value()));
  }
  void cancel(message m, context& ctx) {
    must(ctx.cancel(static_cast<std::uint64_t>(number(m.body(), INT64_MAX))), "cancel");
    done(m, ctx, "ok");
  }

  std::array<std::uint64_t, 8> counts_{};
  std::vector<std::string> got_;
  std::vector<backstage::request_ref> kept_;
  std::map<std::uint64_t, backstage::request_ref> asked_;
};

struct ProbeHooks {
  static void init(backstage::config given) {
    const std::string text = given.string("fail", "");
    if (!text.empty()) throw backstage::error(text);
  }
};

BACKSTAGE_PLUGIN_WITH(ProbeHooks, BS_UNLOAD_SAFE, "org.backstage.probe", "1.0.0", Probe)
