// watch: waits until actors have ended, and says how.
#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::ctl {

Outcome<int> watch(const Options& options) {
  bool is_over = false;
  const auto opened = open_session(options, [&](const auto& kind, const auto& reason) {
    is_over = kind == "closed";
    if (!options.is_json) fmt::print(stderr, "session {}: {}\n", kind, text::printable(reason));
  });
  if (!opened) return std::unexpected(opened.error());
  auto& session = **opened;
  catch_interrupts();
  std::size_t left = 0;
  for (const auto& actor : options.traffic.targets) {
    const auto got = session.watch(actor, [&, actor](const std::string& reason) {
      --left;
      if (options.is_json) {
        return write_record({{"event", "down"}, {"actor", actor}, {"reason", reason}});
      }
      fmt::print("DOWN {} {}\n", text::printable(actor), text::printable(reason));
      std::fflush(stdout);
    });
    if (!got) return std::unexpected(fault_of_message(got.error(), session.endpoint()));
    ++left;
  }
  constexpr std::chrono::milliseconds interrupt_look_interval{200};
  while (left > 0 && !is_over && !was_interrupted()) session.poll(interrupt_look_interval);
  return exit_code::ok;
}

}  // namespace backstage::ctl
