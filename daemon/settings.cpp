#include "daemon/settings.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>

#include <algorithm>

#include "daemon/config/load.hpp"
#include "daemon/config/schema_kinds.hpp"

namespace backstage::daemon {
namespace {

bool is_curve(const config::BindConfig& bind, bool has_keys) {
  const auto parts = config::parse_endpoint(bind.endpoint);
  if (!parts || parts->is_ipc) return false;
  return bind.curve.value_or(has_keys && !config::is_loopback(parts->host));
}

std::vector<gateway::Endpoint> endpoints(const std::vector<config::BindConfig>& binds,
                                         std::string_view runtime_dir, bool has_keys) {
  std::vector<gateway::Endpoint> all;
  all.reserve(binds.size());
  for (const auto& bind : binds) {
    all.push_back({config::resolve_endpoint(bind.endpoint, runtime_dir), bind.mode, bind.group,
                   is_curve(bind, has_keys)});
  }
  return all;
}

Overflow overflow_of(config::Overflow configured) noexcept {
  switch (configured) {
    case config::Overflow::reject:
      return Overflow::reject;
    case config::Overflow::drop_newest:
      return Overflow::drop_newest;
    case config::Overflow::drop_oldest:
      return Overflow::drop_oldest;
    case config::Overflow::conflate:
      return Overflow::conflate;
  }
  return Overflow::reject;
}

Strategy strategy_of(config::Strategy configured) noexcept {
  switch (configured) {
    case config::Strategy::one_for_one:
      return Strategy::one_for_one;
    case config::Strategy::one_for_all:
      return Strategy::one_for_all;
    case config::Strategy::rest_for_one:
      return Strategy::rest_for_one;
  }
  return Strategy::one_for_one;
}

Restart restart_of(config::Restart configured) noexcept {
  switch (configured) {
    case config::Restart::permanent:
      return Restart::permanent;
    case config::Restart::transient:
      return Restart::transient;
    case config::Restart::temporary:
      return Restart::temporary;
  }
  return Restart::transient;
}

plugin_host::OnIncompatible on_incompatible_of(config::OnIncompatible configured) {
  switch (configured) {
    case config::OnIncompatible::refuse:
      return plugin_host::OnIncompatible::refuse;
    case config::OnIncompatible::keep_old:
      return plugin_host::OnIncompatible::keep_old;
    case config::OnIncompatible::restart_fresh:
      return plugin_host::OnIncompatible::restart_fresh;
  }
  return plugin_host::OnIncompatible::refuse;
}

Supervision supervision_of(const config::SupervisionConfig& configured) {
  Supervision supervision;
  supervision.restart = restart_of(configured.restart);
  supervision.retries = configured.retries;
  supervision.backoff_min = configured.backoff_min;
  supervision.backoff_max = configured.backoff_max;
  supervision.healthy_after = configured.healthy_after;
  supervision.jitter_percent = configured.jitter_percent;
  supervision.stop_deadline = configured.stop_deadline;
  supervision.strategy = strategy_of(configured.strategy);
  supervision.intensity = configured.intensity;
  supervision.period = configured.period;
  return supervision;
}

}  // namespace

gateway::Options gateway_options(const config::Config& config, std::string_view runtime_dir,
                                 std::string epoch) {
  const auto& from = config.gateway;
  gateway::Options options;
  const bool has_keys = from.curve.has_value();
  options.cmd = endpoints(from.cmd.bind, runtime_dir, has_keys);
  options.pub = endpoints(from.pub.bind, runtime_dir, has_keys);
  options.ingest = endpoints(from.ingest.bind, runtime_dir, has_keys);
  options.allow_remote_plaintext = from.allow_remote_plaintext;
  options.acl = acl_rules(from.acl);
  options.epoch = std::move(epoch);
  options.pub_frames = from.pub.frames;
  options.is_plain_by_libzmq = from.plain_zmtp == config::PlainZmtp::libzmq;
  options.io_threads = from.io_threads;
  options.cmd_send_messages_max = from.cmd.sndhwm;
  options.cmd_receive_messages_max = from.cmd.rcvhwm;
  options.pub_send_messages_max = from.pub.sndhwm;
  options.ingest_receive_messages_max = from.ingest.rcvhwm;
  options.limits.payload_bytes_max = from.limits.max_payload;
  options.limits.sessions_max = from.limits.sessions;
  options.limits.subscriptions_per_session_max = from.limits.subs_per_session;
  options.limits.session_messages_max = from.limits.queue_msgs;
  options.limits.session_bytes_max = from.limits.queue_bytes;
  options.limits.waiting_bytes_max = from.limits.out_bytes_total;
  options.limits.plain_errors_per_second = from.limits.err0_per_s;
  options.limits.resume_ttl_max = std::chrono::seconds{from.limits.resume_ttl_seconds_max};
  options.limits.connections_max = from.limits.connections_max;
  options.limits.connections_per_principal_max = from.limits.connections_per_principal;
  options.limits.messages_per_second_max = from.limits.msgs_per_s_per_principal;
  options.limits.subscriptions_per_principal_max = from.limits.subs_per_principal;
  return options;
}

std::vector<policy::Rule> acl_rules(const std::vector<config::AclConfig>& configured) {
  std::vector<policy::Rule> rules;
  rules.reserve(configured.size());
  for (const auto& one : configured) {
    policy::Rule rule{.user = one.user, .allows = one.allows, .entries = {}};
    for (const auto& text : one.entries) {
      // The schema's check is this very function.
      if (auto entry = policy::parse_entry(text)) rule.entries.push_back(*std::move(entry));
    }
    rules.push_back(std::move(rule));
  }
  return rules;
}

plugin_host::Options plugin_options(const config::Config& config) {
  const auto& from = config.plugins;
  plugin_host::Options options;
  options.loader.rules.allowed = from.allow_sha256;
  options.loader.demotes_unique = from.demote_unique;
  options.loader.config_of = [&config](std::string_view id) { return plugin_config(config, id); };
  options.settings_of = [&config](std::string_view type) { return type_settings(config, type); };
  options.on_incompatible = on_incompatible_of(from.on_incompatible);
  options.drain_first = from.drain_first;
  options.upgrade_deadline = from.upgrade_deadline;
  options.probation = from.probation;
  options.probation_failures_max = from.probation_failures_max;
  options.drains_removed = from.on_remove == config::OnRemove::drain;
  options.unloads = from.unload == config::Unload::automatic;
  return options;
}

plugin_host::TypeSettings type_settings(const config::Config& config, std::string_view type) {
  plugin_host::TypeSettings settings;
  settings.turn_budget = config.turn_budget;
  const auto found = std::find_if(config.types.begin(), config.types.end(),
                                  [&](const auto& entry) { return entry.type == type; });
  if (found == config.types.end()) return settings;
  settings.mailbox = {found->mailbox.messages, found->mailbox.bytes};
  settings.overflow = overflow_of(found->overflow);
  settings.supervision = supervision_of(found->supervision);
  settings.dispatcher =
      found->dispatcher == config::Dispatcher::pinned ? Dispatcher::pinned : Dispatcher::pool;
  settings.turn_budget = found->turn_budget.value_or(config.turn_budget);
  return settings;
}

SpawnRequest spawn_request(const config::ActorConfig& actor, MailboxLimits of_type) {
  SpawnRequest request{.type = actor.type, .name = actor.name, .config = actor.config};
  if (actor.mailbox_messages || actor.mailbox_bytes) {
    request.mailbox = {actor.mailbox_messages.value_or(of_type.data_messages_max),
                       actor.mailbox_bytes.value_or(of_type.data_bytes_max)};
  }
  if (actor.overflow) request.overflow = overflow_of(*actor.overflow);
  if (actor.restart) request.restart = restart_of(*actor.restart);
  return request;
}

std::string plugin_config(const config::Config& config, std::string_view plugin_id) {
  for (const auto& [id, text] : config.plugins.config) {
    if (id == plugin_id) return text;
  }
  return {};
}

ActivationRule activation_rule(const config::ActivationConfig& config) {
  ActivationRule rule;
  rule.activate = config.activate;
  rule.type = config.type;
  if (!config.on.empty()) {
    if (auto pattern = Pattern::parse(config.on)) rule.on = *std::move(pattern);
  }
  if (config.idle) rule.idle = *config.idle;
  rule.max = config.max;
  rule.config = config.config;
  return rule;
}

std::uint32_t worker_count(std::uint32_t configured) {
  if (configured != 0) return configured;
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 1;
  return static_cast<std::uint32_t>(std::max(1, CPU_COUNT(&allowed)));
}

std::optional<Duration> overseer_tick(const config::Config& config) {
  // Four looks within a budget tell of a turn late by half of it at most. More than four a second
  // would be no use to anybody, more than one a millisecond a load.
  constexpr Duration slowest = std::chrono::milliseconds(250);
  constexpr Duration fastest = std::chrono::milliseconds(1);
  std::vector<Duration> budgets{config.turn_budget};
  for (const auto& type : config.types) {
    if (type.turn_budget) budgets.emplace_back(*type.turn_budget);
  }
  std::erase(budgets, Duration::zero());
  if (budgets.empty()) return std::nullopt;
  return std::clamp(*std::min_element(budgets.begin(), budgets.end()) / 4, fastest, slowest);
}

std::uint64_t random_seed() {
  std::uint64_t number = 0;
  // Blocks only before the kernel's pool is seeded, at boot; 8 bytes are never cut short.
  while (::getrandom(&number, sizeof number, 0) != sizeof number) {
  }
  return number;
}

std::string random_epoch() { return fmt::format("{:08x}", random_seed() >> 32U); }

}  // namespace backstage::daemon
