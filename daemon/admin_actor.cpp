#include "daemon/admin_actor.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "daemon/admin_json.hpp"
#include "daemon/log_escape.hpp"

namespace backstage::daemon {
namespace {

using Json = nlohmann::json;

struct Refusal {
  Errc code;
  std::string text;
};
using Answer = std::expected<Json, Refusal>;

Answer refuse(Errc code, std::string text) {
  return std::unexpected(Refusal{code, std::move(text)});
}

constexpr std::string_view ops = "stats, actors, plugins, dead_letters, spawn, stop";

// A text member of the question, or what is wrong with it.
std::expected<std::string, Refusal> text_of(const Json& question, const char* key) {
  const auto found = question.find(key);
  if (found == question.end() || !found->is_string()) {
    return std::unexpected(Refusal{
        Errc::bad_arg, fmt::format(R"(this op needs "{}", a string; see the protocol's section)"
                                   R"( on $backstage)",
                                   key)});
  }
  return found->get<std::string>();
}

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
    const Json question = Json::parse(envelope.payload.text(), nullptr, false);
    if (!question.is_object()) {
      const bool is_json = !question.is_discarded();
      reply(context, envelope.request_ref(),
            refuse(Errc::bad_arg,
                   fmt::format(R"({}; send an object such as {{"op":"stats"}}, op one of: {})",
                               is_json ? "that is no JSON object" : "that is no JSON", ops)));
      return Handled::done;
    }
    answer(context, envelope.request_ref(), question);
    return Handled::done;
  }

  void ended(Context&, EndReason) noexcept override {}

 private:
  void answer(Context& context, RequestRef request, const Json& question) {
    const auto op = text_of(question, "op");
    if (!op) {
      return reply(
          context, request,
          refuse(Errc::bad_arg, fmt::format(R"("op" is missing or no string; one of: {})", ops)));
    }
    if (*op == "spawn") return spawn(context, request, question);
    reply(context, request, query(*op, question));
  }

  Answer query(std::string_view op, const Json& question) {
    if (op == "stats") return stats();
    if (op == "actors") return Json{{"actors", to_json(sources_.engine.actors())}};
    if (op == "plugins") return Json{{"plugins", to_json(sources_.plugins())}};
    if (op == "dead_letters") {
      return Json{{"dead_letters", to_json(sources_.engine.dead_letters())}};
    }
    if (op == "stop") return stop(question);
    return refuse(Errc::bad_arg, fmt::format(R"(no op "{}"; one of: {})", op, ops));
  }

  Json stats() const {
    Json all = to_json(sources_.engine.stats());
    all["version"] = sources_.version;
    all["epoch"] = sources_.epoch;
    if (const auto* counters = sources_.gateway()) all["gateway"] = to_json(*counters);
    return all;
  }

  Answer stop(const Json& question) {
    const auto name = text_of(question, "name");
    if (!name) return std::unexpected(name.error());
    const std::string how = question.value("how", Json("stop")).dump();
    const auto verb = how == R"("stop")"    ? StopVerb::stop
                      : how == R"("drain")" ? StopVerb::drain
                                            : StopVerb::kill;
    if (verb == StopVerb::kill && how != R"("kill")") {
      return refuse(Errc::bad_arg, fmt::format("how is {}; one of: stop, drain, kill", how));
    }
    if (is_reserved(*name))
      return refuse(Errc::reserved_name, std::string(sentence(Errc::reserved_name)));
    const auto id = sources_.engine.find(*name);
    if (!id || !sources_.engine.stop(*id, verb)) {
      return refuse(Errc::no_actor,
                    fmt::format("no actor \"{}\" to stop; op actors lists them", *name));
    }
    return Json{{"name", *name}};
  }

  // Answered once the actor runs, or has failed to.
  void spawn(Context& context, RequestRef request, const Json& question) {
    const auto type = text_of(question, "type");
    if (!type) return reply(context, request, std::unexpected(type.error()));
    const auto name = text_of(question, "name");
    if (!name) return reply(context, request, std::unexpected(name.error()));
    const auto given = question.find("config");
    const std::string config = given == question.end() ? std::string{} : given->dump();
    const auto spawned =
        context.spawn({.type = *type, .name = *name, .config = config, .tell_started = true});
    if (!spawned) {
      return reply(context, request,
                   refuse(spawned.error(), fmt::format("{} (type \"{}\", name \"{}\")",
                                                       sentence(spawned.error()), *type, *name)));
    }
    if (spawned->existed) {
      return reply(context, request, Json{{"name", *name}, {"existing", true}});
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
      (void)context.reply_error(request, answer.error().code, printable(answer.error().text));
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
