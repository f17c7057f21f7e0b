#include "daemon/policy/acl.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "daemon/policy/glob.hpp"

namespace backstage::policy {
namespace {

constexpr std::array<std::string_view, right_count> tokens{
    "send", "req", "pub", "sub", "get", "watch", "name", "admin", "sync", "ingest"};
constexpr std::uint16_t all_rights = (1U << right_count) - 1;
constexpr std::size_t glob_bytes_max = 200;
// Decisions remembered for a principal: more than most ever ask for, a few hundred KiB at most.
constexpr std::size_t decisions_max = 4'096;

constexpr std::uint16_t bit(Right right) noexcept {
  return static_cast<std::uint16_t>(1U << static_cast<unsigned>(right));
}
constexpr std::uint16_t addressed = bit(Right::pub) | bit(Right::sub) | bit(Right::get);
constexpr std::uint16_t nowhere = bit(Right::admin) | bit(Right::sync);

constexpr bool is_addressed(Right right) noexcept { return (addressed & bit(right)) != 0; }

bool is_glob(std::string_view text) noexcept {
  return !text.empty() && text.size() <= glob_bytes_max && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view{"._:-%$*"}.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string_view token(Right right) noexcept { return tokens[static_cast<std::size_t>(right)]; }

bool is_user_glob(std::string_view text) noexcept { return is_glob(text); }

std::expected<Entry, std::string> parse_entry(std::string_view text) {
  Entry entry;
  const auto colon = text.find(':');
  const auto verb = text.substr(0, colon);
  if (verb == "*") {
    entry.rights = all_rights;
    entry.is_for_all_rights = true;
  } else {
    const auto found = std::ranges::find(tokens, verb);
    if (found == tokens.end()) return std::unexpected(fmt::format("\"{}\" is no right", verb));
    entry.rights = bit(static_cast<Right>(found - tokens.begin()));
  }
  if (colon == std::string_view::npos) return entry;
  const auto where = text.substr(colon + 1);
  const auto slash = where.find('/');
  entry.has_topic = slash != std::string_view::npos;
  entry.actor = where.substr(0, slash);
  const std::string topic(entry.has_topic ? where.substr(slash + 1) : "*");
  if (!is_glob(entry.actor) || !is_glob(topic)) {
    return std::unexpected(fmt::format("\"{}\" is no glob of an actor or address", where));
  }
  if ((entry.rights & ~nowhere) == 0 && where != "*") {
    return std::unexpected(fmt::format("{} is not about an actor or address", verb));
  }
  if (entry.has_topic && (entry.rights & addressed) == 0) {
    return std::unexpected(fmt::format("{} is about an actor, which has no topic", verb));
  }
  entry.address = entry.actor + '/' + topic;
  return entry;
}

Rights::Rights(std::vector<Rule> rules, bool is_trusted)
    : rules_(std::move(rules)),
      is_trusted_(is_trusted),
      is_everything_(is_trusted && rules_.empty()) {}

bool Rights::allows(Right right, std::string_view where) const {
  return is_everything_ || remembered(right, where) != Verdict::denied;
}

bool Rights::allows_expressly(Right right, std::string_view where) const {
  return !rules_.empty() && remembered(right, where) == Verdict::expressly;
}

Rights::Verdict Rights::remembered(Right right, std::string_view where) const {
  key_.assign(1, static_cast<char>(right)).append(where);
  if (const auto found = decided_.find(key_); found != decided_.end()) return found->second;
  if (decided_.size() >= decisions_max) decided_.clear();
  return decided_.emplace(key_, decide(right, where)).first->second;
}

Rights::Verdict Rights::decide(Right right, std::string_view where) const {
  const bool is_pattern = is_addressed(right) && has_wildcard(where);
  for (const Rule& rule : rules_) {
    for (const Entry& entry : rule.entries) {
      if ((entry.rights & bit(right)) == 0) continue;
      const bool is_nowhere = (nowhere & bit(right)) != 0;
      // `*:feed/quote` is about addresses only, and `*:feed` is no word about admin.
      if (!is_addressed(right) && entry.has_topic) continue;
      if (is_nowhere && entry.actor != "*") continue;
      const std::string_view glob = is_addressed(right) ? entry.address : entry.actor;
      const bool is_match =
          is_nowhere || (is_pattern ? glob_covers(glob, where) : glob_matches(glob, where));
      if (is_match) {
        if (!rule.allows) return Verdict::denied;
        return entry.is_for_all_rights ? Verdict::by_rule : Verdict::expressly;
      }
      // Of a pattern nothing may be forbidden. What a rule before this one allows of it is not
      // subtracted: that refuses more than it must, and never less.
      if (is_pattern && !rule.allows && glob_overlaps(glob, where)) return Verdict::denied;
    }
  }
  return is_trusted_ ? Verdict::by_default : Verdict::denied;
}

Acl::Acl(std::vector<Rule> rules, std::uint32_t own_uid)
    : rules_(std::move(rules)), own_user_(fmt::format("unix:{}", own_uid)) {}

Rights Acl::rights_of(std::string_view user) const {
  std::vector<Rule> concerning;
  for (const Rule& rule : rules_) {
    if (glob_matches(rule.user, user)) concerning.push_back(rule);
  }
  return {std::move(concerning), is_trusted(user)};
}

bool Acl::is_trusted(std::string_view user) const noexcept {
  return user == "tcp:local" || user == "unix:0" || user == own_user_;
}

}  // namespace backstage::policy
