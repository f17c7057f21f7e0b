#include "daemon/daemon.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "daemon/admin_actor.hpp"
#include "daemon/banner.hpp"
#include "daemon/cli.hpp"
#include "daemon/notify.hpp"
#include "daemon/settings.hpp"
#include "daemon/version.hpp"

namespace backstage::daemon {
namespace {

using namespace std::chrono_literals;

// How often the end looks whether it is reached: below what anybody notices, and no load.
constexpr auto look_interval = 2ms;
// What is kept of the drain time for stopping the actors and taking leave of the clients.
constexpr auto leave_time = 1500ms;
constexpr auto flush_time = 500ms;
constexpr auto plugin_end_time = 500ms;

}  // namespace

Daemon::Daemon(LoadedConfig config, ConfigSource source, Environment environment, Log& log)
    : config_(std::move(config)),
      source_(std::move(source)),
      environment_(std::move(environment)),
      log_(log),
      epoch_(random_epoch()),
      monitor_(log),
      pool_(clock_),
      engine_({clock_, pool_, pool_, faults_, monitor_}, Limits{}) {}

Daemon::~Daemon() {
  if (gateway_ != nullptr) gateway_->stop(0ms);
  // No worker may run an actor while the engine that owns it is taken down.
  pool_.stop();
}

int Daemon::run() {
  if (const auto started = start(); !started) {
    log_.error("could not start", {{"why", started.error().text}});
    fmt::print(stderr, "backstaged: {}\n", started.error().text);
    return started.error().exit_code;
  }
  serve();
  shut_down();
  return exit_code::ok;
}

std::expected<void, StartFailure> Daemon::start() {
  if (auto prepared = prepare_directories(); !prepared) return prepared;
  for (const auto& rule : config_.values.activations) {
    if (!engine_.add_activation(activation_rule(rule))) {
      return std::unexpected(StartFailure{
          exit_code::config, fmt::format("activation \"{}\" cannot be used", rule.activate)});
    }
  }
  pool_.start(worker_count(config_.values.workers),
              [this](TimePoint now) { return engine_.fire_due(now); });
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
  for (;;) {
    switch (signals_.wait()) {
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

void Daemon::shut_down() {
  const auto time = config_.values.drain_timeout;
  log_.info("stopping: no new work, draining", {{"within_ms", time.count()}});
  (void)notify_stopping("draining");
  const TimePoint deadline = clock_.now() + time;
  gateway_->begin_draining(time);
  drain_until(deadline - std::min<Milliseconds>(leave_time, time));
  engine_.close_intake();
  stop_actors_until(deadline - std::min<Milliseconds>(flush_time, time));
  gateway_->stop(flush_time);
  remove_endpoints(runtime_dir_);
  if (engine_.hosted_actors() == 0) {
    plugins_->shutdown(plugin_end_time);
    pool_.stop();
    print_ledger();
    return;
  }
  // A handler that does not return cannot be ended; waiting for its thread would wait for ever.
  for (const auto& actor : engine_.actors()) {
    if (actor.type != "client") log_.error("abandoned: it does not end", {{"actor", actor.name}});
  }
  print_ledger();
  std::fflush(nullptr);
  ::_exit(exit_code::ok);
}

// A second signal ends the patience.
void Daemon::drain_until(TimePoint deadline) {
  while (!engine_.is_quiet() && clock_.now() < deadline) {
    if (signals_.wait_for(look_interval) == Intent::stop) return;
  }
}

void Daemon::stop_actors_until(TimePoint deadline) {
  engine_.stop_all();
  // Even an impatient end gives each handler a moment to return.
  const TimePoint least = clock_.now() + flush_time;
  while (engine_.hosted_actors() != 0 && clock_.now() < std::max(deadline, least)) {
    (void)signals_.wait_for(look_interval);
  }
}

void Daemon::print_ledger() {
  const Ledger ledger = engine_.stats().ledger;
  log_.info("ledger", {{"accepted", ledger.accepted},
                       {"handled", ledger.handled},
                       {"running", ledger.running},
                       {"queued", ledger.queued},
                       {"dropped", ledger.dropped_total()},
                       {"dead_lettered", ledger.dead_lettered},
                       {"refused", ledger.refused_total()},
                       {"balanced", ledger.is_balanced()}});
}

}  // namespace backstage::daemon
