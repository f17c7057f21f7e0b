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
#include "daemon/plugin_host/trial.hpp"
#include "daemon/settings.hpp"
#include "daemon/version.hpp"

namespace backstage::daemon {
Daemon::Daemon(config::LoadedConfig config, config::ConfigSource source,
               config::Environment environment, log::Log& log)
    : config_(std::move(config)),
      source_(std::move(source)),
      environment_(std::move(environment)),
      log_(log),
      crash_reporter_(log),
      epoch_(random_epoch()),
      monitor_(log),
      hung_reporter_(log),
      overseer_(clock_, hung_reporter_),
      pool_(clock_, &overseer_),
      pinned_(clock_, config_.values.pinned_threads, &overseer_),
      engine_({clock_, pool_, pool_, faults_, monitor_, random_seed(), &pinned_}, Limits{}),
      plugin_news_(engine_, monitor_) {}

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
  if (auto read = read_keys(); !read) return read;
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
  runtime_dir_ = config::choose_runtime_dir(config_.values.runtime_dir, environment_);
  if (const auto ready = config::prepare_directory(runtime_dir_, environment_); !ready) {
    return std::unexpected(StartFailure{exit_code::permission, config::render(ready.error())});
  }
  return {};
}

std::expected<void, StartFailure> Daemon::read_keys() {
  if (!config_.values.gateway.curve) return {};
  keys_.emplace(*config_.values.gateway.curve, log_);
  auto curve = keys_->read();
  if (!curve)
    return std::unexpected(StartFailure{exit_code::config, config::render(curve.error())});
  curve_ = *std::move(curve);
  return {};
}

// What earlier runs left of crashes, and where this one would leave its own.
void Daemon::open_crash_record(const std::string& state_dir) {
  const auto& values = config_.values.plugins;
  const std::string path = state_dir + "/crashes";
  crash_history_ = plugin_host::CrashHistory(
      path, {.crashes_max = values.crashes_max, .window = values.crash_window},
      std::chrono::system_clock::now());
  if (crash_history_.foreign_lines() != 0) {
    log_.warn("the record of crashes has lines that make no sense: passed over",
              {{"file", path}, {"lines", crash_history_.foreign_lines()}});
  }
  auto record = plugin_host::open_crash_record(path);
  if (record) return crash_reporter_.record_to(*std::move(record));
  log_.error("crashes will not be recorded, so no plugin is kept out for them",
             {{"why", record.error()}, {"next", "make it writable for the daemon, and restart"}});
}

plugin_host::Loader::Options Daemon::loader_options(const std::string& state_dir) {
  auto options = plugin_options(config_.values).loader;
  options.staging_parents = {runtime_dir_, state_dir};
  options.veto = [this](std::string_view file, const plugin_gate::Manifest& manifest) {
    return crash_history_.quarantine_of(manifest.sha256, file);
  };
  options.forgive = [this](std::string_view sha256) {
    const auto forgotten = crash_history_.forget(sha256, std::chrono::system_clock::now());
    if (!forgotten)
      log_.error("a plugin's crashes are not forgotten", {{"why", forgotten.error()}});
  };
  if (!config_.values.plugins.trial) return options;
  options.trial = [this](std::string_view file,
                         const std::string& staged) -> std::expected<void, plugin_host::Refusal> {
    const plugin_host::Trial trial("/proc/self/exe");
    auto tried = trial.run(staged, std::string(file));
    if (tried || plugin_host::Trial::is_verdict(tried.error())) return tried;
    log_.warn("a plugin is loaded untried", {{"file", file}, {"why", tried.error().cause}});
    return {};
  };
  return options;
}

void Daemon::load_plugins() {
  const auto& values = config_.values.plugins;
  const auto state_dir = config::choose_state_dir(values.state_dir, environment_, runtime_dir_);
  open_crash_record(state_dir);
  auto options = plugin_options(config_.values);
  options.loader = loader_options(state_dir);
  options.keepsakes = state_dir + "/plugins";
  const std::string dir =
      values.dir.empty() ? config::default_plugin_dir(config::executable_path()) : values.dir;
  plugins_ = std::make_unique<PluginKeeper>(
      engine_, clock_, plugin_news_, std::move(options),
      PluginKeeper::Options{dir, values.watch, values.settle, values.rescan});
  const auto loaded = plugins_->load();
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
  plugins_->start();
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
  AdminSources sources{
      engine_,
      [this] { return plugins_->list(); },
      [this] { return gateway_ ? &gateway_->counters() : nullptr; },
      version_text(),
      epoch_,
      plugins_->directory(),
      [this](PluginVerb verb, std::string_view id) { return plugins_->ask(verb, id); }};
  if (!engine_.attach(admin_name, make_admin_actor(std::move(sources)), pool_, {})) {
    return std::unexpected(StartFailure{exit_code::internal, "the admin door cannot be made"});
  }
  auto options = gateway_options(config_.values, runtime_dir_, epoch_);
  options.curve = std::move(curve_);
  warn_of_plaintext();
  gateway_ = std::make_unique<gateway::Gateway>(engine_, clock_, std::move(options), monitor_);
  if (gateway_->connections_max() < config_.values.gateway.limits.connections_max) {
    log_.warn("the limit of open files allows fewer connections than connections_max",
              {{"connections", gateway_->connections_max()},
               {"next", "raise LimitNOFILE (`ulimit -n`), or lower connections_max"}});
  }
  const auto bound = gateway_->start();
  if (!bound) {
    const bool is_permission = bound.error().code == EACCES || bound.error().code == EPERM;
    return std::unexpected(StartFailure{
        is_permission ? exit_code::permission : exit_code::unavailable, bound.error().text});
  }
  const config::BoundEndpoints endpoints{::getpid(), version_text(), bound->cmd, bound->pub,
                                         bound->ingest};
  if (const auto written = config::write_endpoints(runtime_dir_, endpoints); !written) {
    return std::unexpected(StartFailure{exit_code::permission, config::render(written.error())});
  }
  announce(*bound);
  return {};
}

void Daemon::warn_of_plaintext() {
  const auto& gateway = config_.values.gateway;
  if (!gateway.allow_remote_plaintext) return;
  log_.warn(
      "allow_remote_plaintext is on: what other machines send can be read and changed, and "
      "nobody proves who they are",
      {{"next", "configure gateway.curve, and remove allow_remote_plaintext"}});
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
  std::optional<crash::Watchdog> watchdog;
  if (const auto interval = crash::watchdog_interval(std::getenv("WATCHDOG_USEC"),
                                                     std::getenv("WATCHDOG_PID"), ::getpid())) {
    watchdog.emplace(make_watchdog(*interval));
  }
  for (;;) {
    Intent intent{};
    if (watchdog || keys_) {
      intent = signals_.wait_for(std::chrono::ceil<Milliseconds>(rest(watchdog)));
      if (watchdog && clock_.now() >= watchdog->next_look()) feed(*watchdog);
      look_at_keys();
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

// How long until there is something to look after.
Duration Daemon::rest(const std::optional<crash::Watchdog>& watchdog) const {
  Duration rest = KeyKeeper::look_interval;
  if (watchdog) {
    const Duration left = std::max(Duration::zero(), watchdog->next_look() - clock_.now());
    rest = keys_ ? std::min(rest, left) : left;
  }
  return rest;
}

void Daemon::look_at_keys() {
  if (!keys_) return;
  auto keys = keys_->look();
  if (!keys || gateway_->set_keys(*std::move(keys))) return;
  log_.error("the gateway stands still: who lost a key is still connected");
}

// The main loop is the one that feeds. What may rest: an idle pool, timers none of which is due, a
// gateway that has not been asked.
crash::Watchdog Daemon::make_watchdog(Duration interval) {
  const auto gateway = [this, asked = std::uint64_t{0}]() mutable -> crash::Vital {
    const std::uint64_t given = gateway_->beats();
    const bool is_owed = given != asked;
    if (!is_owed) {
      ++asked;
      gateway_->ask_beat();
    }
    return {given, is_owed};
  };
  const auto workers = [this]() -> crash::Vital {
    const auto pulse = pool_.pulse();
    return {pulse.turns, !pulse.is_idle};
  };
  const auto timers = [this]() -> crash::Vital {
    const auto pulse = pool_.pulse();
    return {pulse.timer_rounds, pulse.is_timer_due};
  };
  return {interval, {{"gateway", gateway}, {"workers", workers}, {"timers", timers}}, clock_.now()};
}

void Daemon::feed(crash::Watchdog& watchdog) {
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
  auto loaded = config::load_config(source_, environment_);
  if (!loaded) {
    log_.error(
        "reload refused: the old configuration stays",
        {{"mistakes", loaded.error().size()}, {"first", config::render(loaded.error().front())}});
    fmt::print(stderr, "{}", config::render(loaded.error()));
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
  config_.values.gateway.acl = loaded->values.gateway.acl;
  look_at_keys();
  if (!gateway_->set_rules(acl_rules(config_.values.gateway.acl))) {
    log_.error("the gateway stands still: it has not taken over the rules yet");
  }
  log_.set_level(loaded->values.log.level);
  apply_format(log_, loaded->values.log);
  log_.info("reloaded", {{"changes", changes.size()}});
}

}  // namespace backstage::daemon
