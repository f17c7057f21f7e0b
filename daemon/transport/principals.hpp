/// Principals: everybody whom a transport has told us of, with what they may and what they use.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/string_map.hpp"
#include "daemon/policy/token_bucket.hpp"
#include "daemon/policy/zap_check.hpp"
#include "daemon/transport/options.hpp"

namespace backstage::transport {

/// One of them. Lives as long as Principals does, so that sessions may refer to it.
struct Principal {
  std::string user;
  policy::Rights rights;
  bool is_remote = false;  ///< held to numbers and rates
  bool is_current = true;  ///< false: its key is no longer authorised, or it never proved anything
  policy::TokenBucket rate;
  std::uint32_t connections = 0;    ///< that have said something, at all doors
  std::uint32_t subscriptions = 0;  ///< of all its sessions
};

/// [main] while the gateway is being made, [gateway] then.
class Principals {
 public:
  /// Both outlive it.
  Principals(const Options& options, const Limits& limits);

  /// `user` as the transport has checked it; empty: nobody, who may nothing.
  [[nodiscard]] Principal& of(std::string_view user);
  /// By which who connects is judged: keys, and what may be objected to somebody who is known.
  [[nodiscard]] policy::ZapRules zap_rules();
  /// Takes over the keys. Returns those who lost theirs: what is connected under them is over.
  [[nodiscard]] std::vector<const Principal*> set_keys(policy::AuthorizedKeys keys);
  /// Takes over the rules: `rights` of everybody change in their place.
  void set_rules(std::vector<policy::Rule> rules);

  /// May it have one more? Who is local may always.
  [[nodiscard]] bool may_connect(const Principal& principal) const noexcept;
  [[nodiscard]] bool may_subscribe(const Principal& principal) const noexcept;
  /// Takes `count` messages' worth of the principal's rate; how long it has to wait otherwise.
  [[nodiscard]] std::chrono::milliseconds admit(Principal& principal, TimePoint now,
                                                std::uint32_t count = 1) const noexcept;

 private:
  [[nodiscard]] bool is_current(std::string_view user) const;
  [[nodiscard]] std::optional<policy::ZapRules::Objection> objection_to(
      const policy::Candidate& candidate);
  [[nodiscard]] std::uint32_t own_uid() const noexcept;

  const Options& options_;
  const Limits& limits_;
  policy::Acl acl_;
  policy::AuthorizedKeys keys_;
  StringMap<std::unique_ptr<Principal>> all_;
};

}  // namespace backstage::transport
