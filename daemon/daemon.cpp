#include "daemon/daemon.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "daemon/admin_actor.hpp"
#include "daemon/banner.hpp"
#include "daemon/cli.hpp"
#include "daemon/notify.hpp"
#include "daemon/settings.hpp"
#include "daemon/version.hpp"

namespace backstage::daemon {
Daemon::Daemon(LoadedConfig config, ConfigSource source, Environment environment, Log& log)
    : config_(std::move(config)),
      source_(std::move(source)),
      environment_(std::move(environment)),
      log_(log),
      epoch_(random_epoch()),
      monitor_(log),
      hung_reporter_(log),
      overseer_(clock_, hung_reporter_),
      pool_(clock_, &overseer_),
      pinned_(clock_, config_.values.pinned_threads, &overseer_),
      engine_({clock_, pool_, pool_, faults_, monitor_, random_seed(), &pinned_}, Limits{}) {}

Daemon::~Daemon() {
  if (gateway_ != nullptr) gateway_->stop(std::chrono::milliseconds{0});
  overseer_.stop();
  // No thread may run an actor while the engine that owns it is taken down.
  pool_.stop();
  pinned_.stop();
}

int Daemon::run() {
  if (const auto started = start(); !started) {
    log_.error("could not start", {{"why", started.error().text}});
    fmt::print(stderr, "backstaged: {}\n", started.error().text);
    engine_.close_intake();
    stop_actors_until(clock_.now());
    return leave(started.error().exit_code);
  }
  serve();
  return shut_down();
}

std::expected<void, StartFailure> Daemon::start() {
  if (auto prepared = prepare_directories(); !prepared) return prepared;
  for (const auto& rule : config_.values.activations) {
    if (!engine_.add_activation(activation_rule(rule))) {
      return std::unexpected(StartFailure{
          exit_code::config, fmt::format("activation \"{}\" cannot be used", rule.activate)});
    }
  }
  if (const auto tick = overseer_tick(config_.values)) overseer_.start(*tick);
  pool_.start(
      worker_count(config_.values.workers), [this](TimePoint now) { return engine_.fire_due(now); },
      config_.values.spare_workers, config_.values.worker_cpus);
  load_plugins();
  spawn_actors();
  return open_gateway();
}

std::expected<void, StartFailure> Daemon::prepare_directories() {
  runtime_dir_ = choose_runtime_dir(config_.values.runtime_dir, environment_);
  if (const auto ready = prepare_directory(runtime_dir_, environment_); !ready) {
    return std::unexpected(StartFailure{exit_code::permission, render(ready.error())});
  }
  return {};
}

void Daemon::load_plugins() {
  const auto& values = config_.values;
  plugin_host::Options options;
  options.staging_parents = {
      runtime_dir_, choose_state_dir(values.plugins.state_dir, environment_, runtime_dir_)};
  options.config_of = [this](std::string_view id) { return plugin_config(config_.values, id); };
  options.settings_of = [this](std::string_view type) {
    return type_settings(config_.values, type);
  };
  plugins_ = std::make_unique<plugin_host::PluginHost>(engine_, monitor_, std::move(options));
  const std::string dir =
      values.plugins.dir.empty() ? default_plugin_dir(executable_path()) : values.plugins.dir;
  const auto loaded = plugins_->load_directory(dir);
  for (const auto& note : plugins_->staging_notes()) log_.warn(note);
  if (!loaded) {
    log_.error("no plugins: the directory is refused", {{"dir", dir},
                                                        {"code", loaded.error().code},
                                                        {"reason", loaded.error().cause},
                                                        {"fix", loaded.error().fix}});
    return;
  }
  log_.info("plugins loaded",
            {{"dir", dir}, {"active", loaded->active}, {"rejected", loaded->rejected}});
}

void Daemon::spawn_actors() {
  for (const auto& actor : config_.values.actors) {
    const auto of_type = type_settings(config_.values, actor.type).mailbox;
    const auto spawned = engine_.spawn(spawn_request(actor, of_type));
    if (spawned) continue;
    // One actor that cannot be is no reason to withhold the others.
    log_.error("actor of the config not spawned",
               {{"actor", actor.name},
                {"type", actor.type},
                {"code", token(spawned.error())},
                {"reason", sentence(spawned.error())},
                {"next", "op plugins of $backstage tells which types are loaded"}});
  }
}

std::expected<void, StartFailure> Daemon::open_gateway() {
  AdminSources sources{engine_, [this] { return plugins_->list(); },
                       [this] { return gateway_ ? &gateway_->counters() : nullptr; },
                       version_text(), epoch_};
  if (!engine_.attach(admin_name, make_admin_actor(std::move(sources)), pool_, {})) {
    return std::unexpected(StartFailure{exit_code::internal, "the admin door cannot be made"});
  }
  gateway_ = std::make_unique<gateway::Gateway>(
      engine_, clock_, gateway_options(config_.values, runtime_dir_, epoch_), monitor_);
  const auto bound = gateway_->start();
  if (!bound) {
    const bool is_permission = bound.error().code == EACCES || bound.error().code == EPERM;
    return std::unexpected(StartFailure{
        is_permission ? exit_code::permission : exit_code::unavailable, bound.error().text});
  }
  const BoundEndpoints endpoints{::getpid(), version_text(), bound->cmd, bound->pub, bound->ingest};
  if (const auto written = write_endpoints(runtime_dir_, endpoints); !written) {
    return std::unexpected(StartFailure{exit_code::permission, render(written.error())});
  }
  announce(*bound);
  return {};
}

void Daemon::announce(const gateway::BoundEndpoints& bound) {
  const BannerFacts facts{version_text(), runtime_dir_, bound, plugins_->list(),
                          engine_.hosted_actors()};
  fmt::print("{}", banner(facts));
  std::fflush(stdout);
  log_.info("ready", {{"version", version_text()},
                      {"epoch", epoch_},
                      {"cmd", fmt::format("{}", fmt::join(bound.cmd, " "))},
                      {"actors", engine_.hosted_actors()}});
  (void)notify_ready("serving");
}

void Daemon::serve() {
  std::optional<Watchdog> watchdog;
  if (const auto interval = watchdog_interval(std::getenv("WATCHDOG_USEC"),
                                              std::getenv("WATCHDOG_PID"), ::getpid())) {
    watchdog.emplace(make_watchdog(*interval));
  }
  for (;;) {
    Intent intent{};
    if (watchdog) {
      const Duration rest = std::max(Duration::zero(), watchdog->next_look() - clock_.now());
      intent = signals_.wait_for(std::chrono::ceil<Milliseconds>(rest));
      feed(*watchdog);
    } else {
      intent = signals_.wait();
    }
    switch (intent) {
      case Intent::stop:
        return;
      case Intent::reload:
        reload();
        break;
      case Intent::none:
        break;
    }
  }
}

// The main loop is the one that feeds. What may rest: an idle pool, timers none of which is due, a
// gateway that has not been asked.
Watchdog Daemon::make_watchdog(Duration interval) {
  const auto gateway = [this, asked = std::uint64_t{0}]() mutable -> Vital {
    const std::uint64_t given = gateway_->beats();
    const bool is_owed = given != asked;
    if (!is_owed) {
      ++asked;
      gateway_->ask_beat();
    }
    return {given, is_owed};
  };
  const auto workers = [this]() -> Vital {
    const auto pulse = pool_.pulse();
    return {pulse.turns, !pulse.is_idle};
  };
  const auto timers = [this]() -> Vital {
    const auto pulse = pool_.pulse();
    return {pulse.timer_rounds, pulse.is_timer_due};
  };
  return {interval, {{"gateway", gateway}, {"workers", workers}, {"timers", timers}}, clock_.now()};
}

void Daemon::feed(Watchdog& watchdog) {
  const auto verdict = watchdog.look(clock_.now());
  for (const auto part : verdict.stalled) {
    log_.error("the watchdog is not fed: a part of the daemon stands still",
               {{"part", part},
                {"next", "the service manager will restart it; see the turns over budget above"}});
  }
  for (const auto part : verdict.recovered) log_.warn("it goes on again", {{"part", part}});
  if (verdict.feed) (void)notify_watchdog();
}

void Daemon::reload() {
  auto loaded = load_config(source_, environment_);
  if (!loaded) {
    log_.error("reload refused: the old configuration stays",
               {{"mistakes", loaded.error().size()}, {"first", render(loaded.error().front())}});
    fmt::print(stderr, "{}", render(loaded.error()));
    return;
  }
  const auto changes = diff(config_, *loaded);
  for (const auto& change : changes) {
    log_.info(change.is_live ? "reload applies" : "reload cannot apply: restart for this",
              {{"key", change.pointer}, {"before", change.before}, {"after", change.after}});
  }
  // Only what is live is taken over, so that the next reload still sees what waits for a restart.
  config_.values.log = loaded->values.log;
  config_.values.drain_timeout = loaded->values.drain_timeout;
  log_.set_level(loaded->values.log.level);
  apply_format(log_, loaded->values.log);
  log_.info("reloaded", {{"changes", changes.size()}});
}

}  // namespace backstage::daemon
