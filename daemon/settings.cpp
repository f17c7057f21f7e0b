#include "daemon/settings.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>

#include <algorithm>

#include "daemon/config_load.hpp"

namespace backstage::daemon {
namespace {

std::vector<gateway::Endpoint> endpoints(const std::vector<BindConfig>& binds,
                                         std::string_view runtime_dir) {
  std::vector<gateway::Endpoint> all;
  all.reserve(binds.size());
  for (const auto& bind : binds) {
    all.push_back({resolve_endpoint(bind.endpoint, runtime_dir), bind.mode, bind.group});
  }
  return all;
}

backstage::Overflow overflow_of(Overflow configured) noexcept {
  switch (configured) {
    case Overflow::reject:
      return backstage::Overflow::reject;
    case Overflow::drop_newest:
      return backstage::Overflow::drop_newest;
    case Overflow::drop_oldest:
      return backstage::Overflow::drop_oldest;
    case Overflow::conflate:
      return backstage::Overflow::conflate;
  }
  return backstage::Overflow::reject;
}

backstage::Strategy strategy_of(Strategy configured) noexcept {
  switch (configured) {
    case Strategy::one_for_one:
      return backstage::Strategy::one_for_one;
    case Strategy::one_for_all:
      return backstage::Strategy::one_for_all;
    case Strategy::rest_for_one:
      return backstage::Strategy::rest_for_one;
  }
  return backstage::Strategy::one_for_one;
}

backstage::Restart restart_of(Restart configured) noexcept {
  switch (configured) {
    case Restart::permanent:
      return backstage::Restart::permanent;
    case Restart::transient:
      return backstage::Restart::transient;
    case Restart::temporary:
      return backstage::Restart::temporary;
  }
  return backstage::Restart::transient;
}

Supervision supervision_of(const SupervisionConfig& configured) {
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

gateway::Options gateway_options(const Config& config, std::string_view runtime_dir,
                                 std::string epoch) {
  const auto& from = config.gateway;
  gateway::Options options;
  options.cmd = endpoints(from.cmd.bind, runtime_dir);
  options.pub = endpoints(from.pub.bind, runtime_dir);
  options.ingest = endpoints(from.ingest.bind, runtime_dir);
  options.epoch = std::move(epoch);
  options.pub_frames = from.pub.frames;
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
  options.limits.plain_errors_per_second = from.limits.err0_per_s;
  return options;
}

plugin_host::TypeSettings type_settings(const Config& config, std::string_view type) {
  plugin_host::TypeSettings settings;
  settings.turn_budget = config.turn_budget;
  const auto found = std::find_if(config.types.begin(), config.types.end(),
                                  [&](const auto& entry) { return entry.type == type; });
  if (found == config.types.end()) return settings;
  settings.mailbox = {found->mailbox.messages, found->mailbox.bytes};
  settings.overflow = overflow_of(found->overflow);
  settings.supervision = supervision_of(found->supervision);
  settings.dispatcher = found->dispatcher == Dispatcher::pinned ? backstage::Dispatcher::pinned
                                                                : backstage::Dispatcher::pool;
  settings.turn_budget = found->turn_budget.value_or(config.turn_budget);
  return settings;
}

SpawnRequest spawn_request(const ActorConfig& actor, MailboxLimits of_type) {
  SpawnRequest request{.type = actor.type, .name = actor.name, .config = actor.config};
  if (actor.mailbox_messages || actor.mailbox_bytes) {
    request.mailbox = {actor.mailbox_messages.value_or(of_type.data_messages_max),
                       actor.mailbox_bytes.value_or(of_type.data_bytes_max)};
  }
  if (actor.overflow) request.overflow = overflow_of(*actor.overflow);
  if (actor.restart) request.restart = restart_of(*actor.restart);
  return request;
}

std::string plugin_config(const Config& config, std::string_view plugin_id) {
  for (const auto& [id, text] : config.plugins.config) {
    if (id == plugin_id) return text;
  }
  return {};
}

ActivationRule activation_rule(const ActivationConfig& config) {
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

std::optional<Duration> overseer_tick(const Config& config) {
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
