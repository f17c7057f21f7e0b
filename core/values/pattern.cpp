#include "core/values/pattern.hpp"

#include "core/values/limits.hpp"

namespace backstage {
namespace {

// Cuts the first token off `rest`.
std::string_view next_token(std::string_view& rest) noexcept {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

// Legal tokens, `>` only at the end. A reserved topic may only begin the part.
bool is_topic_part(std::string_view part, bool& has_wildcard) noexcept {
  if (part.empty() || part.size() > topic_name_bytes_max || part.back() == '.') return false;
  std::string_view rest = part;
  while (!rest.empty()) {
    const bool first = rest.data() == part.data();
    const auto token = next_token(rest);
    if (token == "*" || (token == ">" && rest.empty())) {
      has_wildcard = true;
    } else if (!is_topic_name(token) || (!first && is_reserved(token))) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.size() > address_bytes_max) return Refused(Errc::bad_addr);
  const auto slash = text.find('/');
  const auto actor = text.substr(0, slash);
  const auto topic = slash == std::string_view::npos ? default_topic : text.substr(slash + 1);
  bool has_wildcard = actor == "*";
  if (!has_wildcard && !is_actor_name(actor)) return Refused(Errc::bad_addr);
  if (!is_topic_part(topic, has_wildcard)) return Refused(Errc::bad_addr);
  if (actor.size() + 1 + topic.size() > address_bytes_max) return Refused(Errc::bad_addr);
  std::string whole;
  whole.append(actor).append(1, '/').append(topic);
  return Pattern{std::move(whole), actor.size(), has_wildcard};
}

Pattern Pattern::exact(const Address& address) {
  return Pattern{address.text(), address.actor().size(), false};
}

bool Pattern::matches(std::string_view actor, std::string_view topic) const noexcept {
  if (actor_part() != "*" && actor_part() != actor) return false;
  std::string_view mine = topic_part();
  while (!mine.empty() && !topic.empty()) {
    const auto want = next_token(mine);
    if (want == ">") return true;
    if (const auto have = next_token(topic); want != "*" && want != have) return false;
  }
  return mine.empty() && topic.empty();
}

std::vector<std::string_view> Pattern::captures(const Address& address) const {
  std::vector<std::string_view> found;
  if (!matches(address)) return found;
  if (actor_part() == "*") found.push_back(address.actor());
  std::string_view mine = topic_part();
  std::string_view topic = address.topic();
  while (!mine.empty()) {
    const auto want = next_token(mine);
    if (want == ">") {
      found.push_back(topic);
      break;
    }
    const auto have = next_token(topic);
    if (want == "*") found.push_back(have);
  }
  return found;
}

}  // namespace backstage
