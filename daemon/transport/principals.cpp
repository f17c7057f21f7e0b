#include "daemon/transport/principals.hpp"

#include <unistd.h>

namespace backstage::transport {
namespace {

constexpr std::string_view curve_mark = "curve:";

}  // namespace

Principals::Principals(const Options& options, const Limits& limits)
    : options_(options), limits_(limits), acl_(options.acl, own_uid()), keys_(options.curve.keys) {}

std::uint32_t Principals::own_uid() const noexcept {
  return options_.own_uid.value_or(::geteuid());
}

bool Principals::is_current(std::string_view user) const {
  if (user.empty()) return false;
  return !user.starts_with(curve_mark) || keys_.has(user.substr(curve_mark.size()));
}

Principal& Principals::of(std::string_view user) {
  if (const auto found = all_.find(user); found != all_.end()) return *found->second;
  auto principal = std::make_unique<Principal>(
      Principal{.user = std::string(user),
                .rights = acl_.rights_of(user),
                .is_remote = policy::is_remote(user),
                .is_current = is_current(user),
                .rate = policy::TokenBucket(limits_.messages_per_second_max)});
  return *all_.emplace(std::string(user), std::move(principal)).first->second;
}

policy::ZapRules Principals::zap_rules() {
  return {
      .keys = keys_,
      .allows_remote_plaintext = options_.allow_remote_plaintext,
      .objection = [this](const policy::Candidate& candidate) { return objection_to(candidate); }};
}

std::optional<policy::ZapRules::Objection> Principals::objection_to(
    const policy::Candidate& candidate) {
  using Objection = policy::ZapRules::Objection;
  const Principal& principal = of(candidate.user);
  if (!may_connect(principal)) {
    return Objection{"it has as many connections as one principal may have", true};
  }
  // What a SUB socket gets is decided by its filters alone, so whoever comes in there sees all.
  if (candidate.door == policy::Door::pub && !principal.rights.allows(policy::Right::sub, "*/>")) {
    return Objection{"pub shows everything, and no rule lets it subscribe to everything", false};
  }
  return std::nullopt;
}

std::vector<const Principal*> Principals::set_keys(policy::AuthorizedKeys keys) {
  const auto lost = keys_.lost_in(keys);
  keys_ = std::move(keys);
  for (auto& [user, principal] : all_) principal->is_current = is_current(user);
  std::vector<const Principal*> gone;
  gone.reserve(lost.size());
  for (const auto& name : lost) gone.push_back(&of(std::string(curve_mark).append(name)));
  return gone;
}

void Principals::set_rules(std::vector<policy::Rule> rules) {
  acl_ = policy::Acl(std::move(rules), own_uid());
  for (auto& [user, principal] : all_) principal->rights = acl_.rights_of(user);
}

bool Principals::may_connect(const Principal& principal) const noexcept {
  return !principal.is_remote || principal.connections < limits_.connections_per_principal_max;
}

bool Principals::may_subscribe(const Principal& principal) const noexcept {
  return !principal.is_remote || principal.subscriptions < limits_.subscriptions_per_principal_max;
}

std::chrono::milliseconds Principals::admit(Principal& principal, TimePoint now,
                                            std::uint32_t count) const noexcept {
  if (!principal.is_remote) return std::chrono::milliseconds{0};
  return principal.rate.take(now.time_since_epoch(), count);
}

}  // namespace backstage::transport
