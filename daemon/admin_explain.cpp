#include "daemon/admin_explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <utility>

#include "core/values/names.hpp"
#include "daemon/admin_json.hpp"
#include "daemon/admin_letters.hpp"

namespace backstage::daemon {
namespace {

std::int64_t ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

Json shown(const RuleFacts& rule) {
  Json json{{"activate", rule.activate},
            {"type", rule.type},
            {"living", rule.living},
            {"is_type_known", rule.is_type_known}};
  if (rule.max != 0) json["max"] = rule.max;
  return json;
}

Json shown(const Mailbox::Depth& mailbox) {
  Json json{{"messages", mailbox.data_messages}, {"messages_max", mailbox.limits.data_messages_max},
            {"bytes", mailbox.data_bytes},       {"bytes_max", mailbox.limits.data_bytes_max},
            {"control", mailbox.control},        {"overflow", name_of(mailbox.overflow)},
            {"is_full", mailbox.is_full()}};
  if (mailbox.refuses) json["refuses"] = token(*mailbox.refuses);
  return json;
}

Json shown(const Trouble& trouble, Phase phase, TimePoint now) {
  Json json{{"reason", trouble.reason}, {"ago_ms", ms(now - trouble.failed_at)}};
  if (phase == Phase::backing_off || phase == Phase::parked) {
    json["since_ms"] = ms(now - trouble.since);
    if (trouble.next_self != never) json["next_self_ms"] = ms(trouble.next_self - now);
  }
  return json;
}

Json shown(const NameFacts& facts, TimePoint now) {
  Json json{{"name", facts.name}, {"is_living", facts.is_living}};
  if (facts.is_living) {
    json["type"] = facts.type;
    json["phase"] = token(facts.phase);
    json["parent"] = facts.parent;
    json["restarts"] = facts.restarts;
    if (facts.trouble) json["last_failure"] = shown(*facts.trouble, facts.phase, now);
    json["mailbox"] = shown(facts.mailbox);
    if (facts.handling) {
      json["handles"] = {{"id", static_cast<std::uint64_t>(facts.handled_last)},
                         {"kind", name_of(*facts.handling)}};
    }
    json["ledger"] = to_json(facts.ledger);
  }
  if (facts.rule) json["rule"] = shown(*facts.rule);
  return json;
}

Json shown(const AddressFacts& facts) {
  Json json{{"address", facts.address}, {"is_known", facts.is_known}, {"seq", facts.seq}};
  if (facts.is_retained) {
    json["retained"] = {{"seq", facts.retained_seq}, {"bytes", facts.retained_bytes}};
  }
  json["subscriptions"] = {{"total", facts.subscriptions},
                           {"looked_at", facts.looked_at},
                           {"full", facts.full},
                           {"parked", facts.parked}};
  Json& listed = json["subscriptions"]["listed"] = Json::array();
  for (const auto& one : facts.listed) {
    listed.push_back({{"id", one.id},
                      {"pattern", one.pattern},
                      {"subscriber", one.subscriber},
                      {"overflow", name_of(one.overflow)},
                      {"is_full", one.is_full},
                      {"is_parked", one.is_parked}});
  }
  Json& activations = json["activations"] = Json::array();
  for (const auto& one : facts.activations) {
    activations.push_back(
        {{"name", one.name}, {"is_living", one.is_living}, {"rule", shown(one.rule)}});
  }
  return json;
}

std::string_view token(MessageFacts::State state) {
  constexpr std::array<std::string_view, 7> tokens{"never_given", "waiting", "running",  "held",
                                                   "dead_letter", "dropped", "forgotten"};
  return tokens[static_cast<std::size_t>(state)];
}

Json shown(const MessageFacts& facts, TimePoint now) {
  using State = MessageFacts::State;
  Json json{{"id", static_cast<std::uint64_t>(facts.id)}, {"state", token(facts.state)}};
  if (!facts.actor.empty()) json["actor"] = facts.actor;
  if (facts.state == State::waiting || facts.state == State::running) {
    json["kind"] = name_of(facts.kind);
  }
  if (facts.state == State::waiting) json["ahead"] = facts.ahead;
  if (facts.state == State::dropped) json["cause"] = backstage::token(facts.cause);
  if (facts.letter != nullptr) json["dead_letter"] = to_json(*facts.letter, now);
  if (facts.is_cut) json["is_cut"] = true;
  return json;
}

Answer explain_message(const Engine& engine, const std::string& what, TimePoint now) {
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), id);
  if (error != std::errc{} || end != what.data() + what.size()) {
    return refuse(Errc::bad_arg,
                  fmt::format(R"("{}" is no message id: those are numbers from 1, as)"
                              R"( dead_letters shows them)",
                              what));
  }
  const auto facts = engine.explain(MessageId{id});
  Json json{{"text", sentence_on(facts, now)}};
  json.update(shown(facts, now));
  return json;
}

Answer explain_address(const Engine& engine, const std::string& what) {
  const auto address = Address::parse(what);
  if (!address) {
    return refuse(Errc::bad_addr, fmt::format("{}: \"{}\"; a pattern has no single fate, ask for"
                                              " one of the addresses it matches",
                                              sentence(Errc::bad_addr), what));
  }
  const auto facts = engine.explain(*address);
  Json json{{"text", sentence_on(facts)}};
  json.update(shown(facts));
  return json;
}

Answer explain_name(const Engine& engine, const std::string& what, TimePoint now) {
  if (!is_actor_name(what)) {
    return refuse(Errc::bad_name, fmt::format("{}: \"{}\"", sentence(Errc::bad_name), what));
  }
  const auto facts = engine.explain(std::string_view{what});
  Json json{{"text", sentence_on(facts, now)}};
  json.update(shown(facts, now));
  return json;
}

// What is asked about, as text.
std::string what_of(Question& question) {
  const Json* what = question.value_if("what");
  if (what != nullptr && what->is_number_unsigned()) return what->dump();
  if (what != nullptr && what->is_string()) return what->get<std::string>();
  question.reject(Errc::bad_arg, R"(op explain needs "what": a message id, the name of an actor,)"
                                 R"( or an address such as "feed/md.x")");
  return {};
}

}  // namespace

Answer explain(const Engine& engine, Question& question, TimePoint now) {
  constexpr std::array<std::string_view, 3> kinds{"message", "address", "name"};
  const auto what = what_of(question);
  auto kind = question.choice_if("as", kinds);
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  if (!kind) {
    const bool is_number = !what.empty() && what.find_first_not_of("0123456789") == what.npos;
    kind = is_number ? 0U : what.find('/') != what.npos ? 1U : 2U;
  }
  if (*kind == 0) return explain_message(engine, what, now);
  return *kind == 1 ? explain_address(engine, what) : explain_name(engine, what, now);
}

}  // namespace backstage::daemon
