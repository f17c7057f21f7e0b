// watch: waits until actors have ended, and says how.
#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"
#include "daemon/log_escape.hpp"

namespace backstage::ctl {

Outcome<int> watch(const Options& options) {
  auto session = open_session(options);
  if (!session) return std::unexpected(session.error());
  catch_interrupts();
  bool is_over = false;
  session->on_session([&](const client::session_change& it) {
    is_over = it.kind == "closed";
    if (!options.is_json) {
      fmt::print(stderr, "session {}: {}\n", it.kind, daemon::printable(it.reason));
    }
  });
  std::size_t left = 0;
  for (const auto& actor : options.traffic.targets) {
    const auto got = session->watch(actor, [&, actor](const std::string& reason) {
      --left;
      if (options.is_json) {
        return write_record({{"event", "down"}, {"actor", actor}, {"reason", reason}});
      }
      fmt::print("DOWN {} {}\n", daemon::printable(actor), daemon::printable(reason));
      std::fflush(stdout);
    });
    if (!got.ok()) return std::unexpected(fault_of_message(got.error(), session->endpoint()));
    ++left;
  }
  constexpr std::chrono::milliseconds look_again{200};
  while (left > 0 && !is_over && !was_interrupted()) session->poll(look_again);
  return exit_code::ok;
}

}  // namespace backstage::ctl
