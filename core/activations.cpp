#include "core/activations.hpp"

#include <algorithm>

namespace backstage {
namespace {

constexpr std::size_t captures_max = 9;

// `{k}` at `at`: k, or 0.
std::size_t capture_at(std::string_view text, std::size_t at) noexcept {
  if (at + 2 >= text.size() || text[at] != '{' || text[at + 2] != '}') return 0;
  const char digit = text[at + 1];
  return digit >= '1' && digit <= '9' ? static_cast<std::size_t>(digit - '0') : 0;
}

std::size_t captures_in(std::string_view name_template) noexcept {
  std::size_t highest = 0;
  for (std::size_t i = 0; i < name_template.size(); ++i) {
    highest = std::max(highest, capture_at(name_template, i));
  }
  return highest;
}

std::size_t wildcards_in(const Pattern& pattern) noexcept {
  const std::string& text = pattern.text();
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c == '*' || c == '>'; }));
}

bool bind(std::vector<std::string>& captures, std::size_t number, std::string_view value) {
  if (captures.size() < number) captures.resize(number);
  std::string& slot = captures[number - 1];
  if (!slot.empty()) return slot == value;
  slot = value;
  return true;
}

bool has_adjacent_captures(std::string_view name_template) noexcept {
  for (std::size_t i = 0; i < name_template.size(); ++i) {
    if (capture_at(name_template, i) != 0 && capture_at(name_template, i + 3) != 0) return true;
  }
  return false;
}

// The pattern with each wildcard replaced by what it captured.
std::optional<Pattern> filled(const Pattern& on, const std::vector<std::string>& captures) {
  std::string text;
  std::size_t next = 0;
  for (const char c : on.text()) {
    if (c != '*' && c != '>') {
      text += c;
    } else if (next < captures.size() && !captures[next].empty()) {
      text += captures[next++];
    } else {
      return std::nullopt;
    }
  }
  auto pattern = Pattern::parse(text);
  return pattern ? std::optional(*std::move(pattern)) : std::nullopt;
}

}  // namespace

// No backtracking: a capture ends at the first byte that equals the template's next one, so the
// cost is linear in the name whatever a client sends.
std::optional<std::vector<std::string>> match_template(std::string_view name_template,
                                                       std::string_view name) {
  std::vector<std::string> captures;
  std::size_t at = 0;
  for (std::size_t i = 0; i < name_template.size(); ++i) {
    const std::size_t number = capture_at(name_template, i);
    if (number == 0) {
      if (at == name.size() || name[at] != name_template[i]) return std::nullopt;
      ++at;
      continue;
    }
    i += 2;
    const char stop = i + 1 < name_template.size() ? name_template[i + 1] : '\0';
    const std::size_t begin = at;
    while (at < name.size() && name[at] != '.' && (stop == '\0' || name[at] != stop)) ++at;
    if (at == begin || !bind(captures, number, name.substr(begin, at - begin))) return std::nullopt;
  }
  if (at != name.size()) return std::nullopt;
  return captures;
}

std::optional<std::string> fill_template(std::string_view name_template,
                                         const std::vector<std::string>& captures) {
  std::string name;
  for (std::size_t i = 0; i < name_template.size(); ++i) {
    const std::size_t number = capture_at(name_template, i);
    if (number == 0) {
      name += name_template[i];
      continue;
    }
    if (number > captures.size() || captures[number - 1].empty()) return std::nullopt;
    name += captures[number - 1];
    i += 2;
  }
  return name;
}

Result<void> Activations::add(ActivationRule rule) {
  const std::size_t wanted = captures_in(rule.activate);
  const auto sample = fill_template(rule.activate, std::vector<std::string>(captures_max, "x"));
  if (has_adjacent_captures(rule.activate)) return Refused(Errc::bad_arg);
  if (!sample || !is_actor_name(*sample) || is_reserved(*sample)) return Refused(Errc::bad_arg);
  if (!is_type_name(rule.type)) return Refused(Errc::bad_arg);
  if (rule.on && wildcards_in(*rule.on) < wanted) return Refused(Errc::bad_arg);
  subscribe_ = subscribe_ || rule.on.has_value();
  rules_.emplace_back(std::move(rule));
  return {};
}

std::optional<Activation> Activations::by_name(std::string_view name) const {
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto captures = match_template(rules_[i].rule.activate, name);
    if (!captures) continue;
    Activation activation{i, std::string(name), std::nullopt};
    if (rules_[i].rule.on) activation.subscription = filled(*rules_[i].rule.on, *captures);
    return activation;
  }
  return std::nullopt;
}

std::vector<Activation> Activations::by_address(const Address& address) const {
  std::vector<Activation> all;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& on = rules_[i].rule.on;
    if (!on || !on->matches(address)) continue;
    const auto views = on->captures(address);
    const std::vector<std::string> captures(views.begin(), views.end());
    auto name = fill_template(rules_[i].rule.activate, captures);
    if (!name || !is_actor_name(*name)) continue;
    all.push_back({i, *std::move(name), filled(*on, captures)});
  }
  return all;
}

bool Activations::claim(std::size_t index) noexcept {
  auto& entry = rules_[index];
  if (entry.rule.max == 0) {
    entry.living.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  // A compare loop, not add-and-undo: a failed claim must never make another one fail.
  auto living = entry.living.load(std::memory_order_relaxed);
  while (living < entry.rule.max) {
    if (entry.living.compare_exchange_weak(living, living + 1, std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

std::uint64_t Activations::living() const noexcept {
  std::uint64_t all = 0;
  for (const auto& entry : rules_) all += entry.living.load(std::memory_order_relaxed);
  return all;
}

void Activations::release(std::size_t index) noexcept {
  rules_[index].living.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace backstage
