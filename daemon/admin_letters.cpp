#include "daemon/admin_letters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "daemon/text/escape.hpp"

namespace backstage::daemon {
namespace {

// What is left of a message for the answer's other parts.
constexpr std::size_t letters_bytes_max = payload_bytes_max - (64U << 10U);

std::vector<std::string_view> causes() {
  std::vector<std::string_view> words;
  words.reserve(dead_cause_count);
  for (std::size_t i = 0; i < dead_cause_count; ++i) {
    words.push_back(token(static_cast<DeadCause>(i)));
  }
  return words;
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const std::size_t at = i + k;
      group = group << 8U | (at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool is_padding = i + k > bytes.size();
      text += is_padding ? '=' : digits[group >> (18U - 6U * k) & 63U];
    }
  }
  return text;
}

// Characters that are safe to show; line ends and tabs are ordinary in payloads.
bool is_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const text::Unit unit = text::first_unit(bytes);
    const bool is_layout = unit.bytes == "\n" || unit.bytes == "\r" || unit.bytes == "\t";
    if (!unit.safe && !is_layout) return false;
    bytes.remove_prefix(unit.bytes.size());
  }
  return true;
}

// Not within a character of UTF-8, if it is that.
std::string_view cut(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() <= bytes_max) return bytes;
  constexpr std::size_t character_bytes_max = 4;
  std::size_t end = bytes_max;
  const auto is_inner = [&](std::size_t at) {
    return (static_cast<unsigned char>(bytes[at]) & 0xC0U) == 0x80U;
  };
  while (end > 0 && bytes_max - end < character_bytes_max && is_inner(end)) --end;
  return bytes.substr(0, end);
}

LetterQuery query_of(Question& question) {
  constexpr auto id_max = UINT64_MAX;
  LetterQuery query;
  if (const auto id = question.number_if("id", 1, id_max)) query.id = MessageId{*id};
  const auto words = causes();
  if (const auto cause = question.choice_if("cause", words)) {
    query.cause = static_cast<DeadCause>(*cause);
  }
  query.target = question.text_if("target");
  query.sender = question.text_if("sender");
  return query;
}

// What changes letters has to be told which: nobody empties a ring by a slip.
LetterQuery chosen(Question& question) {
  auto query = query_of(question);
  const bool is_all = question.flag("all");
  const bool is_chosen = query.id || query.cause || query.target || query.sender;
  if (is_all == is_chosen) {
    question.reject(
        Errc::bad_arg,
        fmt::format(R"(op {} needs to know which: give "id", "cause", "target" or "sender", or)"
                    R"( else "all":true; op dead_letters lists them)",
                    question.op()));
  }
  return query;
}

Answer no_letter(const LetterQuery& query) {
  return refuse(Errc::bad_arg,
                fmt::format("no dead letter has the id {}: it was replayed, dropped or made room"
                            " for later ones; op dead_letters lists what is kept, op explain tells"
                            " what is known of a message",
                            static_cast<std::uint64_t>(*query.id)));
}

Json to_json(const LetterCounts& counts) {
  return {{"kept", counts.kept},         {"bytes", counts.bytes},
          {"buried", counts.buried},     {"fell_out", counts.fell_out},
          {"replayed", counts.replayed}, {"dropped", counts.dropped}};
}

}  // namespace

void show_payload(Json& json, std::string_view payload, std::size_t bytes_max) {
  const auto shown = cut(payload, bytes_max);
  if (is_text(shown)) {
    json["payload"] = shown;
  } else {
    json["payload_base64"] = base64(payload.substr(0, bytes_max));
  }
  if (payload.size() > bytes_max) json["payload_is_cut"] = true;
}

Json to_json(const DeadLetter& letter, TimePoint now) {
  const auto age = std::chrono::duration_cast<std::chrono::milliseconds>(now - letter.at);
  Json json{{"id", static_cast<std::uint64_t>(letter.id)},
            {"cause", token(letter.cause)},
            {"kind", name_of(letter.kind)},
            {"attempts", letter.attempts},
            {"sender", letter.sender},
            {"target", letter.target},
            {"type", letter.type},
            {"reason", letter.reason},
            {"age_ms", age.count()},
            {"payload_bytes", letter.payload.size()}};
  if (!letter.address.empty()) {
    json["address"] = letter.address;
    json["seq"] = letter.seq;
  }
  return json;
}

Answer list_letters(Engine& engine, Question& question, TimePoint now) {
  const auto query = query_of(question);
  const auto limit =
      question.number_if("limit", 1, letters_listed_max).value_or(letters_listed_default);
  const auto offset = question.number_if("offset", 0, UINT32_MAX).value_or(0);
  const bool has_payload = question.flag("payload");
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  const auto letters = engine.dead_letters(query);
  Json listed = Json::array();
  std::size_t bytes = 0;
  std::size_t next = std::min<std::size_t>(offset, letters.size());
  for (; next < letters.size() && listed.size() < limit; ++next) {
    Json shown = to_json(letters[next], now);
    if (has_payload) show_payload(shown, letters[next].payload.text(), payload_shown_bytes_max);
    bytes += shown.dump(-1, ' ', false, Json::error_handler_t::replace).size() + 1;
    if (bytes > letters_bytes_max) break;
    listed.push_back(std::move(shown));
  }
  Json answer{{"dead_letters", std::move(listed)}, {"matched", letters.size()}, {"offset", offset}};
  if (next < letters.size()) answer["next"] = next;
  Json& counted = answer["causes"] = Json::object();
  for (std::size_t i = 0; i < dead_cause_count; ++i) {
    const auto cause = static_cast<DeadCause>(i);
    counted[std::string(token(cause))] = to_json(engine.letter_counts(cause));
  }
  return answer;
}

Answer replay_letters(Engine& engine, Question& question) {
  const auto query = chosen(question);
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  const auto report = engine.replay(query);
  if (query.id && report.replayed + report.refused == 0) return no_letter(query);
  if (query.id && report.refused != 0) {
    const auto& refusal = report.refusals.front();
    return refuse(refusal.why, fmt::format("{} (\"{}\"); the letter stays, op explain tells more",
                                           sentence(refusal.why), refusal.target));
  }
  Json answer{{"replayed", report.replayed}, {"refused", report.refused}};
  Json& refusals = answer["refusals"] = Json::array();
  for (const auto& refusal : report.refusals) {
    refusals.push_back({{"id", static_cast<std::uint64_t>(refusal.id)},
                        {"target", refusal.target},
                        {"code", token(refusal.why)},
                        {"reason", sentence(refusal.why)}});
  }
  return answer;
}

Answer drop_letters(Engine& engine, Question& question) {
  const auto query = chosen(question);
  if (auto problem = question.problem()) return std::unexpected(*std::move(problem));
  const auto dropped = engine.drop_letters(query);
  if (query.id && dropped == 0) return no_letter(query);
  return Json{{"dropped", dropped}};
}

}  // namespace backstage::daemon
