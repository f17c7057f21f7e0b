#include "daemon/admin_actor.hpp"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "daemon/admin_explain.hpp"
#include "daemon/admin_json.hpp"
#include "daemon/admin_letters.hpp"
#include "daemon/admin_lives.hpp"
#include "daemon/admin_question.hpp"
#include "daemon/settings.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::daemon {
namespace {

constexpr std::array<std::string_view, 14> ops{
    "stats",           "actors",        "plugins",      "plugin_upgrade", "plugin_retry",
    "plugin_rollback", "plugin_remove", "dead_letters", "replay",         "drop_letters",
    "explain",         "spawn",         "stop",         "unpark"};

class AdminActor final : public Actor {
 public:
  explicit AdminActor(AdminSources sources) : sources_(std::move(sources)) {}

  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.kind == Kind::started) {
      tell_spawned(context, envelope);
      return Handled::done;
    }
    // Anything but a question: there is nobody to answer.
    if (envelope.kind != Kind::request) return Handled::done;
    const RequestRef request = envelope.request_ref();
    auto question = Question::parse(envelope.payload.text(), ops);
    if (!question) {
      reply(context, request, std::unexpected(std::move(question.error())));
    } else if (question->op() == "spawn") {
      spawn(context, request, *question);
    } else {
      reply(context, request, answer(*question, context.now()));
    }
    return Handled::done;
  }

  void ended(Context&, EndReason) noexcept override {}

 private:
  Answer answer(Question& question, TimePoint now) {
    const auto& op = question.op();
    Engine& engine = sources_.engine;
    if (op == "dead_letters") return list_letters(engine, question, now);
    if (op == "replay") return replay_letters(engine, question);
    if (op == "drop_letters") return drop_letters(engine, question);
    if (op == "explain") return explain(engine, question, now);
    if (op == "stop") return stop_actor(engine, question);
    if (op == "unpark") return unpark_actor(engine, question, now);
    if (const auto verb = plugin_verb(op)) return ask_plugin(question, *verb);
    if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
    if (op == "actors") return Json{{"actors", to_json(engine.actors())}};
    if (op == "plugins") {
      return Json{{"dir", sources_.plugin_dir}, {"plugins", to_json(sources_.plugins())}};
    }
    return stats();
  }

  static std::optional<PluginVerb> plugin_verb(std::string_view op) {
    // An upgrade needs no word: a changed file is one. Asked for, it is another look at the file.
    if (op == "plugin_upgrade" || op == "plugin_retry") return PluginVerb::retry;
    if (op == "plugin_rollback") return PluginVerb::roll_back;
    if (op == "plugin_remove") return PluginVerb::remove;
    return std::nullopt;
  }

  // What becomes of it shows in `plugins` and on $sys/plugin.<id>.
  Answer ask_plugin(Question& question, PluginVerb verb) {
    const auto id = question.text("id");
    if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
    if (const auto asked = sources_.ask_plugin(verb, id); !asked) {
      return refuse(Errc::bad_arg, asked.error());
    }
    return Json{{"ok", true}, {"id", id}};
  }

  Json stats() const {
    Json all = to_json(sources_.engine.stats());
    all["version"] = sources_.version;
    all["epoch"] = sources_.epoch;
    if (const auto* counters = sources_.gateway()) all["gateway"] = to_json(*counters);
    return all;
  }

  // Answered once the actor runs, or has failed to.
  void spawn(Context& context, RequestRef request, Question& question) {
    const auto asked = asked_actor(question);
    if (!asked) return reply(context, request, std::unexpected(asked.error()));
    auto wanted = spawn_request(*asked, mailbox_of(sources_.engine, asked->type));
    wanted.tell_started = true;
    const auto spawned = context.spawn(wanted);
    if (!spawned) {
      return reply(context, request,
                   refuse(spawned.error(),
                          fmt::format("{} (type \"{}\", name \"{}\")", sentence(spawned.error()),
                                      asked->type, asked->name)));
    }
    if (spawned->existed) {
      return reply(context, request, Json{{"name", asked->name}, {"existing", true}});
    }
    waiting_.emplace(spawned->id, request);
  }

  void tell_spawned(Context& context, const Envelope& envelope) {
    const auto found = waiting_.find(envelope.sender);
    if (found == waiting_.end()) return;
    const RequestRef request = found->second;
    waiting_.erase(found);
    if (envelope.is_error) {
      return reply(context, request,
                   refuse(Errc::actor_failed,
                          fmt::format("it could not be created: {}", envelope.payload.text())));
    }
    reply(context, request,
          Json{{"name", std::string(envelope.sender_name.text())}, {"existing", false}});
  }

  static void reply(Context& context, RequestRef request, const Answer& answer) {
    // An asker who has left is no trouble of ours.
    if (!answer) {
      (void)context.reply_error(request, answer.error().code, text::printable(answer.error().text));
      return;
    }
    const std::string text = answer->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > payload_bytes_max) {
      (void)context.reply_error(request, Errc::too_large,
                                fmt::format("the answer has {} bytes, over the limit of {}",
                                            text.size(), payload_bytes_max));
      return;
    }
    (void)context.reply(request, {{}, Payload(text)});
  }

  AdminSources sources_;
  std::unordered_map<ActorId, RequestRef> waiting_;
};

}  // namespace

std::unique_ptr<Actor> make_admin_actor(AdminSources sources) {
  return std::make_unique<AdminActor>(std::move(sources));
}

}  // namespace backstage::daemon
