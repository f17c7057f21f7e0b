#include "core/values/names.hpp"

#include <array>

#include "core/values/limits.hpp"

namespace backstage {
namespace {

constexpr bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

// Looked up, not compared: every spawn spells a name.
constexpr std::array<bool, 256> plain_bytes = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = 'A'; c <= 'Z'; ++c) plain.at(c) = plain.at(c - 'A' + 'a') = true;
  for (unsigned c = '0'; c <= '9'; ++c) plain.at(c) = true;
  for (const char c : {'.', '_', ':', '-'}) plain.at(static_cast<unsigned char>(c)) = true;
  return plain;
}();
constexpr bool is_plain(char c) noexcept { return plain_bytes[static_cast<unsigned char>(c)]; }

// Letters of the grammar from `text`, with one leading '$' allowed.
bool is_spelled(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.empty() || text.size() > bytes_max) return false;
  std::size_t i = text.front() == '$' ? 1 : 0;
  if (i == text.size()) return false;
  while (i < text.size()) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 3;
    } else if (is_plain(text[i])) {
      ++i;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

bool is_actor_name(std::string_view text) noexcept {
  return is_spelled(text, actor_name_bytes_max);
}

bool is_type_name(std::string_view text) noexcept { return is_spelled(text, type_name_bytes_max); }

bool is_topic_name(std::string_view text) noexcept {
  if (!is_spelled(text, topic_name_bytes_max)) return false;
  return text.front() != '.' && text.back() != '.' && text.find("..") == std::string_view::npos;
}

Result<Address> Address::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return join(text, default_topic);
  return join(text.substr(0, slash), text.substr(slash + 1));
}

Result<Address> Address::join(std::string_view actor, std::string_view topic) {
  if (!is_actor_name(actor) || !is_topic_name(topic)) return Refused(Errc::bad_addr);
  if (actor.size() + 1 + topic.size() > address_bytes_max) return Refused(Errc::bad_addr);
  std::string text;
  text.reserve(actor.size() + 1 + topic.size());
  text.append(actor).append(1, '/').append(topic);
  return Address{std::move(text), actor.size()};
}

}  // namespace backstage
