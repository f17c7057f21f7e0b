/// From the daemon's config to the options of its rooms: the one place that knows both sides.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/activations.hpp"
#include "core/clock.hpp"
#include "core/context.hpp"
#include "core/values/limits.hpp"
#include "daemon/config/config.hpp"
#include "daemon/gateway/options.hpp"
#include "daemon/plugin_host/plugin_host.hpp"
#include "daemon/policy/acl.hpp"

namespace backstage::daemon {

[[nodiscard]] gateway::Options gateway_options(const config::Config& config,
                                               std::string_view runtime_dir, std::string epoch);
/// Rules that config has checked already.
[[nodiscard]] std::vector<policy::Rule> acl_rules(const std::vector<config::AclConfig>& configured);
[[nodiscard]] plugin_host::TypeSettings type_settings(const config::Config& config,
                                                      std::string_view type);
/// What config says of plugins; the functions read `config`, which must outlive their use.
[[nodiscard]] plugin_host::Options plugin_options(const config::Config& config);
/// JSON text of one plugin's own config; empty when there is none.
[[nodiscard]] std::string plugin_config(const config::Config& config, std::string_view plugin_id);
/// What `actor` says instead of its type; what it leaves out of the mailbox is `of_type`'s. Borrows
/// the texts of `actor`.
[[nodiscard]] SpawnRequest spawn_request(const config::ActorConfig& actor, MailboxLimits of_type);
/// A rule that config has checked already.
[[nodiscard]] ActivationRule activation_rule(const config::ActivationConfig& config);
/// `configured`, or one for each CPU this process may use.
[[nodiscard]] std::uint32_t worker_count(std::uint32_t configured);
/// How often to look for hung turns: often enough for the shortest budget. Nothing: no type has
/// one.
[[nodiscard]] std::optional<Duration> overseer_tick(const config::Config& config);
/// New with every call.
[[nodiscard]] std::uint64_t random_seed();
/// 8 hex digits, new with every call.
[[nodiscard]] std::string random_epoch();

}  // namespace backstage::daemon
