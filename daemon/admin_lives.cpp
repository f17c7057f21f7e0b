#include "daemon/admin_lives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "core/values/names.hpp"
#include "daemon/config/read.hpp"
#include "daemon/config/schema.hpp"

namespace backstage::daemon {
namespace {

constexpr std::uint64_t stop_deadline_ms_max = 86'400'000;
constexpr std::size_t parked_listed_max = 100;

// An actor of a config that has no other, so that the schema's words and limits apply. The name is
// the engine's to judge.
constexpr std::string_view asked_at = "/actors/it/";

Json config_of(Json actor) {
  actor["type"] = "asked";
  return {{"actors", {{"it", std::move(actor)}}}};
}

Json to_json(const NameFacts& facts, TimePoint now) {
  Json json{{"name", facts.name},
            {"type", facts.type},
            {"waiting", facts.mailbox.data_messages + facts.mailbox.control}};
  if (facts.trouble) {
    json["reason"] = facts.trouble->reason;
    json["parked_ms"] =
        std::chrono::duration_cast<std::chrono::milliseconds>(now - facts.trouble->since).count();
  }
  return json;
}

Json list_parked(const Engine& engine, TimePoint now) {
  Json parked = Json::array();
  std::uint64_t total = 0;
  for (const auto& actor : engine.actors()) {
    if (actor.phase != token(Phase::parked)) continue;
    if (++total <= parked_listed_max) parked.push_back(to_json(engine.explain(actor.name), now));
  }
  return {{"parked", std::move(parked)}, {"total", total}};
}

}  // namespace

std::expected<config::ActorConfig, Refusal> asked_actor(Question& question) {
  static const config::Schema schema;
  const auto type = question.text("type");
  const auto name = question.text("name");
  Json actor = Json::object();
  for (const char* key : {"config", "mailbox", "overflow", "restart"}) {
    if (const Json* value = question.value_if(key); value != nullptr) actor[key] = *value;
  }
  const Json config = config_of(std::move(actor));
  for (const auto& violation : schema.validate(config)) {
    std::string help = violation.help;
    std::ranges::replace(help, '\n', ' ');
    question.reject(
        Errc::bad_arg,
        fmt::format("{}: {}; {}", violation.pointer.substr(asked_at.size()), violation.what, help));
  }
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  config::ActorConfig asked = config::read_config(schema.complete(config)).actors.front();
  asked.type = type;
  asked.name = name;
  return asked;
}

MailboxLimits mailbox_of(const Engine& engine, std::string_view type) {
  for (const auto& known : engine.types()) {
    if (known->name == type) return known->mailbox;
  }
  return {};
}

Answer stop_actor(Engine& engine, Question& question) {
  constexpr std::array<std::string_view, 3> verbs{"stop", "drain", "kill"};
  const auto name = question.text("name");
  const auto verb = static_cast<StopVerb>(question.choice_if("how", verbs).value_or(0));
  const auto deadline_ms = question.number_if("deadline_ms", 0, stop_deadline_ms_max);
  if (verb == StopVerb::kill && deadline_ms) {
    question.reject(Errc::bad_arg,
                    R"("deadline_ms" goes with stop and drain: kill waits for nothing)");
  }
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  if (is_reserved(name)) {
    return refuse(Errc::reserved_name, std::string(sentence(Errc::reserved_name)));
  }
  std::optional<Duration> deadline;
  if (deadline_ms) {
    deadline = std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(*deadline_ms));
  }
  const auto id = engine.find(name);
  if (!id || !engine.stop(*id, verb, deadline)) {
    return refuse(Errc::no_actor,
                  fmt::format("no actor \"{}\" to stop; op actors lists them", name));
  }
  return Json{{"name", name}};
}

Answer unpark_actor(Engine& engine, Question& question, TimePoint now) {
  const auto name = question.text_if("name");
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  if (!name) return list_parked(engine, now);
  const auto id = engine.find(*name);
  if (!id) {
    return refuse(Errc::no_actor, fmt::format("no actor \"{}\" to unpark; without a name this op"
                                              " lists those that are parked",
                                              *name));
  }
  if (const auto unparked = engine.unpark(*id); !unparked) {
    return refuse(unparked.error(),
                  fmt::format("\"{}\" is not parked but {}; without a name this op lists those"
                              " that are",
                              *name, token(engine.explain(*name).phase)));
  }
  return Json{{"name", *name}};
}

}  // namespace backstage::daemon
