#include "daemon/admin_question.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "daemon/text/suggest.hpp"

namespace backstage::daemon {
namespace {

constexpr std::size_t shown_bytes_max = 80;

// A value as the asker wrote it, cut where it is long.
std::string shown(const Json& value) {
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > shown_bytes_max) text = text.substr(0, shown_bytes_max) + "...";
  return text;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> known) {
  const auto close = text::nearest(word, known);
  return close.empty() ? std::string{} : fmt::format("did you mean \"{}\"? ", close);
}

}  // namespace

std::unexpected<Refusal> refuse(Errc code, std::string text) {
  return std::unexpected(Refusal{code, std::move(text)});
}

std::string listed(std::span<const std::string_view> words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

Question::Question(Json json, std::string op) : json_(std::move(json)), op_(std::move(op)) {
  read_.emplace_back("op");
}

std::expected<Question, Refusal> Question::parse(std::string_view text,
                                                 std::span<const std::string_view> ops) {
  const auto hint =
      fmt::format(R"(send an object such as {{"op":"stats"}}, op one of: {})", listed(ops));
  Json json;
  if (const auto problems = config::parse_json(text, "question", json); !problems.empty()) {
    const auto& first = problems.front();
    return refuse(Errc::bad_arg, fmt::format("that is no JSON, at {}:{}: {}; {}", first.at.line,
                                             first.at.column, first.what, hint));
  }
  if (!json.is_object()) {
    return refuse(Errc::bad_arg, fmt::format("that is no JSON object; {}", hint));
  }
  const auto op = json.find("op");
  if (op == json.end() || !op->is_string()) {
    return refuse(Errc::bad_arg, fmt::format(R"("op" is missing or no string; {})", hint));
  }
  auto word = op->get<std::string>();
  if (std::ranges::find(ops, word) == ops.end()) {
    return refuse(Errc::bad_arg, fmt::format("no op {}; {}one of: {}", shown(*op),
                                             did_you_mean(word, ops), listed(ops)));
  }
  return Question(std::move(json), std::move(word));
}

void Question::reject(Errc code, std::string text) {
  if (!problem_) problem_ = Refusal{code, std::move(text)};
}

const Json* Question::value_if(std::string_view key) {
  read_.emplace_back(key);
  const auto found = json_.find(std::string(key));
  return found == json_.end() ? nullptr : &*found;
}

std::string Question::text(std::string_view key) {
  auto given = text_if(key);
  if (!given) {
    reject(Errc::bad_arg, fmt::format(R"(op {} needs "{}", a string)", op_, key));
    return {};
  }
  return *std::move(given);
}

std::optional<std::string> Question::text_if(std::string_view key) {
  const Json* value = value_if(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    reject(Errc::bad_arg, fmt::format(R"("{}" must be a string, not {})", key, shown(*value)));
    return std::string{};
  }
  return value->get<std::string>();
}

std::optional<std::uint64_t> Question::number_if(std::string_view key, std::uint64_t min,
                                                 std::uint64_t max) {
  const Json* value = value_if(key);
  if (value == nullptr) return std::nullopt;
  const bool is_in_range = value->is_number_unsigned() && *value >= min && *value <= max;
  if (!is_in_range) {
    reject(Errc::bad_arg, fmt::format(R"("{}" must be a whole number from {} to {}, not {})", key,
                                      min, max, shown(*value)));
    return std::nullopt;
  }
  return value->get<std::uint64_t>();
}

bool Question::flag(std::string_view key) {
  const Json* value = value_if(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) {
    reject(Errc::bad_arg, fmt::format(R"("{}" must be true or false, not {})", key, shown(*value)));
    return false;
  }
  return value->get<bool>();
}

std::optional<std::size_t> Question::choice_if(std::string_view key,
                                               std::span<const std::string_view> words) {
  const Json* value = value_if(key);
  if (value == nullptr) return std::nullopt;
  const auto* word = value->get_ptr<const std::string*>();
  const auto found = word == nullptr ? words.end() : std::ranges::find(words, *word);
  if (found == words.end()) {
    reject(Errc::bad_arg,
           fmt::format(R"("{}" is {}; {}one of: {})", key, shown(*value),
                       word == nullptr ? "" : did_you_mean(*word, words), listed(words)));
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - words.begin());
}

std::optional<Refusal> Question::problem() {
  if (problem_) return problem_;
  std::vector<std::string_view> known(read_.begin(), read_.end());
  for (const auto& [key, value] : json_.items()) {
    if (std::ranges::find(read_, key) != read_.end()) continue;
    reject(Errc::bad_arg, fmt::format("op {} knows no {}; {}known here: {}", op_, shown(Json(key)),
                                      did_you_mean(key, known), listed(known)));
  }
  return problem_;
}

}  // namespace backstage::daemon
