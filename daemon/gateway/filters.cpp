#include "daemon/gateway/filters.hpp"

#include "core/values/names.hpp"

namespace backstage::gateway {
namespace {

std::optional<Pattern> parsed(std::string_view text) {
  auto pattern = Pattern::parse(text);
  if (!pattern) return std::nullopt;
  return *std::move(pattern);
}

// Whether some actor's name may begin so: by appending to it a legal one comes about.
bool may_begin_name(std::string_view text) {
  for (const std::string_view rest : {"a", "0a", "00"}) {
    if (is_actor_name(std::string(text).append(rest))) return true;
  }
  return is_actor_name(text);
}

}  // namespace

std::optional<Pattern> pattern_for(std::string_view filter) {
  if (filter.empty()) return parsed("*/>");
  if (filter.starts_with("$sys/")) return std::nullopt;
  const auto slash = filter.find('/');
  if (slash == std::string_view::npos) {
    return may_begin_name(filter) ? parsed("*/>") : std::nullopt;
  }
  const auto actor = filter.substr(0, slash);
  if (!is_actor_name(actor)) return std::nullopt;
  const auto bar = filter.find('|', slash);
  if (bar == std::string_view::npos) return parsed(std::string(actor).append("/>"));
  const auto address = Address::parse(filter.substr(0, bar));
  return address ? std::optional(Pattern::exact(*address)) : std::nullopt;
}

Filters::Change Filters::add(std::string_view filter) {
  if (const auto known = filters_.find(filter); known != filters_.end()) {
    ++known->second;
    return {};
  }
  if (filters_.size() >= filters_max_) return {Added::full, std::nullopt};
  filters_.emplace(filter, 1);
  auto pattern = pattern_for(filter);
  if (pattern && ++patterns_[pattern->text()] != 1) pattern.reset();
  return {Added::fresh, std::move(pattern)};
}

Filters::Change Filters::remove(std::string_view filter) {
  const auto known = filters_.find(filter);
  if (known == filters_.end()) return {};
  if (--known->second != 0) return {};
  filters_.erase(known);
  auto pattern = pattern_for(filter);
  if (!pattern) return {Added::fresh, std::nullopt};
  const auto needed = patterns_.find(pattern->text());
  if (--needed->second != 0) return {Added::fresh, std::nullopt};
  patterns_.erase(needed);
  return {Added::fresh, std::move(pattern)};
}

bool Filters::covers(std::string_view frame) const {
  for (std::size_t length = 0; length <= frame.size(); ++length) {
    if (filters_.contains(frame.substr(0, length))) return true;
  }
  return false;
}

}  // namespace backstage::gateway
