// Versions as SemVer orders them, without its limit to three numbers.
#include "daemon/plugin_host/version.hpp"

#include <algorithm>

namespace backstage::plugin_host {
namespace {

bool is_number(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Digits of any length, hence no conversion to an integer.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b) noexcept {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a <=> b;
}

std::weak_ordering compare_tokens(std::string_view a, std::string_view b) noexcept {
  if (a.empty() || b.empty()) return a.size() <=> b.size();
  if (is_number(a) && is_number(b)) return compare_numbers(a, b);
  if (is_number(a) != is_number(b)) {
    return is_number(a) ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  return a <=> b;
}

std::string_view take_token(std::string_view& rest, std::string_view missing) noexcept {
  if (rest.empty()) return missing;
  const auto token = rest.substr(0, rest.find('.'));
  rest.remove_prefix(std::min(token.size() + 1, rest.size()));
  return token;
}

std::weak_ordering compare_dotted(std::string_view a, std::string_view b,
                                  std::string_view missing) noexcept {
  while (!a.empty() || !b.empty()) {
    const auto left = take_token(a, missing);
    const auto right = take_token(b, missing);
    if (const auto order = compare_tokens(left, right); order != 0) return order;
  }
  return std::weak_ordering::equivalent;
}

}  // namespace

std::weak_ordering compare_versions(std::string_view a, std::string_view b) noexcept {
  a = a.substr(0, a.find('+'));
  b = b.substr(0, b.find('+'));
  const auto release_a = a.substr(0, a.find_first_of("-~"));
  const auto release_b = b.substr(0, b.find_first_of("-~"));
  if (const auto order = compare_dotted(release_a, release_b, "0"); order != 0) return order;
  const bool is_pre_a = release_a.size() < a.size();
  const bool is_pre_b = release_b.size() < b.size();
  if (is_pre_a != is_pre_b) {
    return is_pre_a ? std::weak_ordering::less : std::weak_ordering::greater;
  }
  if (!is_pre_a) return std::weak_ordering::equivalent;
  return compare_dotted(a.substr(release_a.size() + 1), b.substr(release_b.size() + 1), "");
}

}  // namespace backstage::plugin_host
