// backstagectl: parse, act, say what went wrong.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <optional>
#include <system_error>

#include "daemon/config/runtime_dir.hpp"
#include "daemon/ctl/commands.hpp"

using namespace backstage::ctl;

namespace {

Outcome<int> act(const Options& options) {
  // bin/../share of an installation, and of a build tree.
  const auto bindir = std::filesystem::path{backstage::config::executable_path()}.parent_path();
  switch (options.command) {
    case Command::plugin_new:
      return plugin_new(options, (bindir.parent_path() / "share" / "backstage").string());
    case Command::plugin_check:
      return plugin_check(options, (bindir / "backstaged").string());
    case Command::plugin_ls:
      return plugin_ls(options);
    case Command::plugin_info:
      return plugin_info(options);
    case Command::plugin_upgrade:
      return plugin_upgrade(options);
    case Command::plugin_rollback:
      return plugin_rollback(options);
    case Command::plugin_retry:
      return plugin_retry(options);
    case Command::plugin_rm:
      return plugin_rm(options);
    case Command::keygen:
      return keygen(options);
    case Command::actors:
      return actors(options);
    case Command::stats:
      return stats(options);
    case Command::send:
      return send(options);
    case Command::req:
      return req(options);
    case Command::pub:
      return pub(options);
    case Command::sub:
      return sub(options);
    case Command::watch:
      return watch(options);
    case Command::bench:
      return bench(options);
    case Command::help:
      break;
  }
  return fmt::print("{}", options.text), exit_code::ok;
}

int fail(const Fault& fault, bool is_json) {
  const auto text = is_json ? render_json(fault) : render(fault);
  std::fputs(text.c_str(), is_json ? stdout : stderr);
  return fault.exit;
}

// Of standard streams that are closed the numbers would go to sockets. In their place is one that
// fails as they would.
void hold_closed_streams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    (void)::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

// What was printed has not arrived where it was to go. Why is known of the last piece alone.
std::optional<Fault> fault_of_output() {
  const int code = std::fflush(stdout) == 0 ? 0 : errno;
  if (code == 0 && std::ferror(stdout) == 0) return std::nullopt;
  return Fault{exit_code::cannot_write,
               "CTL-208",
               "what this command tells cannot be written",
               "standard output",
               code == 0 ? std::string{} : std::generic_category().message(code),
               "give it a place with room; what the daemon was asked for has been done"};
}

}  // namespace

int main(int argc, char** argv) try {
  hold_closed_streams();
  const auto options = parse_arguments(argc, argv, BACKSTAGED_VERSION);
  if (!options) return fail(options.error(), false);
  const auto done = act(*options);
  const int exit = done ? *done : fail(done.error(), options->is_json);
  const auto fault = fault_of_output();
  return fault ? fail(*fault, false) : exit;
} catch (const std::exception& error) {
  fmt::print(stderr, "backstagectl: {}\n  next: please report this\n", error.what());
  return exit_code::internal;
}
