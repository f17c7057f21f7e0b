/// Daemon: the composition root. Builds every part, wires them, runs until a signal, takes them
/// down.
#pragma once
#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>

#include "core/engine.hpp"
#include "core/faults.hpp"
#include "core/overseer.hpp"
#include "core/pinned_threads.hpp"
#include "core/worker_pool.hpp"
#include "daemon/config/load.hpp"
#include "daemon/config/runtime_dir.hpp"
#include "daemon/crash/hung_reporter.hpp"
#include "daemon/crash/reporter.hpp"
#include "daemon/crash/watchdog.hpp"
#include "daemon/gateway/gateway.hpp"
#include "daemon/key_keeper.hpp"
#include "daemon/log/log.hpp"
#include "daemon/monitor.hpp"
#include "daemon/plugin_host/crash_history.hpp"
#include "daemon/plugin_host/plugin_host.hpp"
#include "daemon/plugin_keeper.hpp"
#include "daemon/plugin_news.hpp"
#include "daemon/signals.hpp"

namespace backstage::daemon {

/// Why it could not start, and the exit code for that.
struct StartFailure {
  int exit_code;
  std::string text;
};

/// Members are in the order of their start; the end goes backwards.
class Daemon {
 public:
  /// `config` is what `source` gave; it is read again on SIGHUP.
  Daemon(config::LoadedConfig config, config::ConfigSource source, config::Environment environment,
         log::Log& log);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Starts, serves until SIGTERM or SIGINT, drains. The exit code. [main]
  [[nodiscard]] int run();

 private:
  using Milliseconds = std::chrono::milliseconds;

  [[nodiscard]] std::expected<void, StartFailure> start();
  [[nodiscard]] std::expected<void, StartFailure> prepare_directories();
  void open_crash_record(const std::string& state_dir);
  [[nodiscard]] plugin_host::Loader::Options loader_options(const std::string& state_dir);
  void load_plugins();
  void spawn_actors();
  [[nodiscard]] std::expected<void, StartFailure> read_keys();
  [[nodiscard]] std::expected<void, StartFailure> open_gateway();
  void warn_of_plaintext();
  void announce(const gateway::BoundEndpoints& bound);
  void serve();
  [[nodiscard]] crash::Watchdog make_watchdog(Duration interval);
  void feed(crash::Watchdog& watchdog);
  [[nodiscard]] Duration rest(const std::optional<crash::Watchdog>& watchdog) const;
  void look_at_keys();
  void reload();

  // the end (daemon_end.cpp)
  [[nodiscard]] int shut_down();
  [[nodiscard]] int leave(int code);
  void drain_until(TimePoint deadline);
  void stop_actors_until(TimePoint deadline);
  [[nodiscard]] bool stop_threads();
  void print_ledger();

  config::LoadedConfig config_;
  const config::ConfigSource source_;
  const config::Environment environment_;
  log::Log& log_;
  Signals signals_;  // before any thread
  crash::CrashReporter crash_reporter_;
  std::string runtime_dir_;
  const std::string epoch_;
  Monitor monitor_;
  MonotonicClock clock_;
  NoFaults faults_;
  crash::HungReporter hung_reporter_;
  Overseer overseer_;
  WorkerPool pool_;
  PinnedThreads pinned_;
  Engine engine_;
  plugin_host::CrashHistory crash_history_;
  PluginNews plugin_news_;
  std::unique_ptr<PluginKeeper> plugins_;
  std::optional<KeyKeeper> keys_;
  gateway::CurveOptions curve_;  // what the gateway is to start with
  std::unique_ptr<gateway::Gateway> gateway_;
};

}  // namespace backstage::daemon
