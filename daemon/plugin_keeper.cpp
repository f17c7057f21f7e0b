// One loop: files that came or went, wishes of people, upgrades under way.
#include "daemon/plugin_keeper.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "core/engine.hpp"
#include "daemon/crash/reporter.hpp"

namespace backstage::daemon {

using plugin_host::PluginInfo;
using plugin_host::State;

PluginKeeper::PluginKeeper(Engine& engine, const Clock& clock, plugin_host::Events& events,
                           plugin_host::Options host, Options options)
    : clock_(clock),
      events_(events),
      options_(std::move(options)),
      host_(engine, events, std::move(host)),
      folder_(options_.directory, {options_.settle, options_.rescan}, options_.watches),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

PluginKeeper::~PluginKeeper() { stop(std::chrono::milliseconds{0}); }

std::expected<plugin_host::PluginHost::Loaded, plugin_host::Refusal> PluginKeeper::load() {
  // Before the files are read, so that what changes meanwhile is told.
  (void)folder_.adopt(clock_.now());
  return host_.load_directory(options_.directory, clock_.now());
}

void PluginKeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void PluginKeeper::stop(std::chrono::milliseconds deadline) {
  if (thread_.joinable()) {
    is_over_.store(true, std::memory_order_release);
    wake();
    thread_.join();
  }
  host_.shutdown(deadline);
}

std::vector<PluginInfo> PluginKeeper::list() const {
  auto all = host_.list();
  const std::lock_guard lock{mutex_};
  for (const auto& name : unsettled_) {
    PluginInfo info;
    info.file = plugin_gate::printable(options_.directory + "/" + name);
    info.state = State::settling;
    all.push_back(std::move(info));
  }
  return all;
}

std::expected<void, std::string> PluginKeeper::ask(PluginVerb verb, std::string_view which) {
  const auto all = list();
  const auto is_it = [&](const PluginInfo& plugin) {
    const auto name = plugin.file.substr(plugin.file.find_last_of('/') + 1);
    return plugin.id == which || (verb == PluginVerb::retry && name == which);
  };
  if (std::ranges::none_of(all, is_it)) {
    return std::unexpected(
        fmt::format("there is no plugin \"{}\"; op plugins tells which there are", which));
  }
  const auto has = [&](State state) {
    return std::ranges::any_of(
        all, [&](const PluginInfo& plugin) { return is_it(plugin) && plugin.state == state; });
  };
  if (verb == PluginVerb::roll_back && has(State::upgrading)) {
    return std::unexpected(
        fmt::format("an upgrade of {} is under way; ask again when it is over", which));
  }
  if (verb == PluginVerb::roll_back && !has(State::probation)) {
    return std::unexpected(fmt::format(
        "the version before that of {} is not kept, as no upgrade of it is on probation; drop its "
        "file into {} to have it back",
        which, options_.directory));
  }
  {
    const std::lock_guard lock{mutex_};
    asked_.push_back({verb, std::string(which)});
  }
  wake();
  return {};
}

void PluginKeeper::wake() noexcept {
  const std::uint64_t one = 1;
  // Full is as good: it is awake then.
  [[maybe_unused]] const auto written = ::write(wake_.get(), &one, sizeof one);
}

void PluginKeeper::run() {
  (void)::pthread_setname_np(::pthread_self(), "loader");
  // An overflow of this stack, in a plugin's init, is to be told like any other.
  crash::CrashReporter::admit_this_thread();
  while (!is_over_.load(std::memory_order_acquire)) {
    const TimePoint now = clock_.now();
    do_asked(now);
    const TimePoint next = options_.watches ? look_at_folder(now) : never;
    wait_until(std::min(next, host_.look(clock_.now())));
  }
}

void PluginKeeper::wait_until(TimePoint when) {
  std::array<pollfd, 2> ready{pollfd{wake_.get(), POLLIN, 0},
                              pollfd{options_.watches ? folder_.fd() : -1, POLLIN, 0}};
  const Duration rest = when == never ? Duration{std::chrono::seconds{60}} : when - clock_.now();
  const auto nanos = std::max<std::int64_t>(rest.count(), 0);
  const timespec timeout{nanos / 1'000'000'000, nanos % 1'000'000'000};
  static_cast<void>(::ppoll(ready.data(), ready.size(), &timeout, nullptr));
  std::uint64_t count = 0;
  [[maybe_unused]] const auto taken = ::read(wake_.get(), &count, sizeof count);
}

TimePoint PluginKeeper::look_at_folder(TimePoint now) {
  if (!folder_.take_hints() && now < folder_.next_look(now)) return folder_.next_look(now);
  const auto changes = folder_.look(now);
  if (!changes) {
    // Once, until it can be read again: it is looked at every rescan.
    if (!std::exchange(is_unreadable_, true)) {
      events_.plugin_log(plugin_host::Level::error, {}, {},
                         fmt::format("{}; plugins go on as they are", changes.error()));
    }
    return folder_.next_look(now);
  }
  is_unreadable_ = false;
  {
    const std::lock_guard lock{mutex_};
    unsettled_ = folder_.unsettled();
  }
  const auto path_of = [&](const std::string& name) { return options_.directory + "/" + name; };
  for (const auto& name : changes->vanished) host_.file_went(path_of(name), now);
  for (const auto& name : changes->settled) {
    if (host_.file_came(path_of(name), now)) folder_.look_again(name, now);
  }
  return folder_.next_look(now);
}

void PluginKeeper::do_asked(TimePoint now) {
  std::vector<Asked> asked;
  {
    const std::lock_guard lock{mutex_};
    asked.swap(asked_);
  }
  for (const auto& [verb, which] : asked) {
    std::expected<void, std::string> done;
    switch (verb) {
      case PluginVerb::retry:
        done = host_.retry(which, now);
        break;
      case PluginVerb::roll_back:
        done = host_.roll_back(which, now);
        break;
      case PluginVerb::remove:
        remove_file(which, now);
        break;
    }
    // Between its being asked and now somebody else was faster.
    if (!done) events_.plugin_log(plugin_host::Level::warn, which, {}, done.error());
  }
}

void PluginKeeper::remove_file(const std::string& id, TimePoint now) {
  for (const auto& plugin : list()) {
    if (plugin.id != id || plugin.file.find(options_.directory) != 0) continue;
    if (::unlink(plugin.file.c_str()) == 0) {
      host_.file_went(plugin.file, now);
    } else if (errno != ENOENT) {
      events_.plugin_log(plugin_host::Level::error, id, {},
                         fmt::format("{} cannot be removed: {}; remove it yourself", plugin.file,
                                     std::strerror(errno)));
    }
  }
}

}  // namespace backstage::daemon
