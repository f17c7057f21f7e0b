// Daemon's end: drain, stop, and leave behind what does not end.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "daemon/banner.hpp"
#include "daemon/cli.hpp"
#include "daemon/daemon.hpp"
#include "daemon/notify.hpp"

namespace backstage::daemon {
namespace {

using namespace std::chrono_literals;

// How often the end looks whether it is reached: below what anybody notices, and no load.
constexpr auto look_interval = 2ms;
// What is kept of the drain time for stopping the actors and taking leave of the clients.
constexpr auto leave_time = 1500ms;
constexpr auto flush_time = 500ms;
constexpr auto plugin_end_time = 500ms;
// For the workers, and for the pinned threads: a turn that is not hung ends within a millisecond or
// with its message.
constexpr auto thread_end_time = 200ms;

}  // namespace

int Daemon::shut_down() {
  const auto time = config_.values.drain_timeout;
  log_.info("stopping: no new work, draining", {{"within_ms", time.count()}});
  (void)notify_stopping("draining");
  const TimePoint deadline = clock_.now() + time;
  gateway_->begin_draining(time);
  drain_until(deadline - std::min<Milliseconds>(leave_time, time));
  engine_.close_intake();
  stop_actors_until(deadline - std::min<Milliseconds>(flush_time + 2 * thread_end_time, time));
  gateway_->stop(flush_time);
  config::remove_endpoints(runtime_dir_);
  // Plugins whose actors have all ended come to their end, the others stay.
  plugins_->stop(plugin_end_time);
  return leave(exit_code::ok);
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

// Ends the threads and says with which code to exit. A handler that does not return cannot be
// ended, and what it uses may not be destroyed: then this ends the process itself.
int Daemon::leave(int code) {
  if (gateway_ != nullptr) gateway_->stop(0ms);
  const bool is_start_failure = code != exit_code::ok;
  const bool is_over = stop_threads();
  if (!is_start_failure) print_ledger();
  if (is_over) return code;
  std::fflush(nullptr);
  ::_exit(is_start_failure ? code : exit_code::abandoned);
}

// Whether every actor has ended; names those that have not.
bool Daemon::stop_threads() {
  auto hanging = pool_.stop(thread_end_time);
  std::ranges::move(pinned_.stop(thread_end_time), std::back_inserter(hanging));
  for (const auto& turn : hanging) {
    const auto ms = std::chrono::duration_cast<Milliseconds>(turn.lasting).count();
    log_.error("abandoned: its handler does not return",
               {{"actor", turn.actor}, {"type", turn.type}, {"doing", turn.doing}, {"for_ms", ms}});
  }
  const auto is_named = [&](const std::string& name) {
    return std::ranges::find(hanging, name, &HungTurn::actor) != hanging.end();
  };
  bool is_over = hanging.empty();
  for (const auto& actor : engine_.actors()) {
    if (actor.type == "client") continue;
    is_over = false;
    if (is_named(actor.name)) continue;
    log_.error("abandoned: it did not end in time",
               {{"actor", actor.name}, {"type", actor.type}, {"phase", actor.phase}});
  }
  return is_over;
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
