// Calls a plugin's entry, init, quiesce and fini, and decides what may follow.
#include "daemon/plugin_host/generation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {

std::string_view token(State state) noexcept {
  static constexpr std::array<std::string_view, state_count> tokens{
      "rejected", "settling", "loaded",  "inited",   "upgrading", "probation",
      "active",   "draining", "retired", "unmapped", "pinned"};
  return tokens[static_cast<std::size_t>(state)];
}

std::expected<std::shared_ptr<Generation>, Refusal> Generation::map(std::string file,
                                                                    plugin_gate::Manifest manifest,
                                                                    StagedFile staged,
                                                                    std::unique_ptr<HostApi> host) {
  auto library = [&] {
    const LoaderCall call{*host, Phase::map};
    return Library::open(file, staged.path());
  }();
  if (!library) {
    // The loader remembers the path of what it has mapped, so that name must not come back.
    staged.keep();
    return std::unexpected(std::move(library.error()));
  }
  return std::shared_ptr<Generation>(new Generation{std::move(file), std::move(manifest),
                                                    std::move(staged), *library, std::move(host)});
}

std::shared_ptr<Generation> Generation::built_in(plugin_gate::Manifest manifest,
                                                 Library::Entry entry,
                                                 std::unique_ptr<HostApi> host) {
  std::string file = manifest.id + " (linked in)";
  return std::shared_ptr<Generation>(new Generation{std::move(file), std::move(manifest),
                                                    StagedFile::none(), Library::built_in(entry),
                                                    std::move(host)});
}

Generation::Generation(std::string file, plugin_gate::Manifest manifest, StagedFile staged,
                       Library library, std::unique_ptr<HostApi> host)
    : file_(std::move(file)),
      manifest_(std::move(manifest)),
      staged_(std::move(staged)),
      library_(library),
      host_(std::move(host)),
      code_(reinterpret_cast<const void*>(library_.entry()), host_->plugin()) {}

Generation::~Generation() {
  host_->close();
  // Something of it may still run and call the table, which answers politely for ever.
  if (state() == State::pinned) static_cast<void>(host_.release());
}

std::expected<void, Refusal> Generation::enter() {
  LoaderCall call{*host_, Phase::entry};
  const bs_plugin* theirs = nullptr;
  const auto entered = call.run("backstage_plugin_v1", [&] {
    theirs = library_.entry()(host_->table());
    return theirs == nullptr ? BS_E_FAIL : BS_OK;
  });
  if (!entered) {
    return refuse(Code::entry_refused, file_,
                  fmt::format("it refuses this daemon: {}", entered.error()),
                  "see what it says, or ask whoever made it");
  }
  auto descriptor = read_descriptor(file_, *theirs, manifest_);
  if (!descriptor) return std::unexpected(std::move(descriptor.error()));
  descriptor_ = std::move(*descriptor);
  return {};
}

std::expected<void, Refusal> Generation::init(std::string_view config) {
  if (descriptor_.calls.init != nullptr) {
    LoaderCall call{*host_, Phase::init};
    const auto done = call.run("init", [&] { return descriptor_.calls.init(slice(config)); });
    if (!done) {
      return refuse(Code::init_failed, file_, fmt::format("its init failed: {}", done.error()),
                    fmt::format("correct /plugins/config/{} in the daemon's config, or what it "
                                "needs of the system",
                                manifest_.id));
    }
  }
  state_.store(State::inited, std::memory_order_release);
  return {};
}

std::string Generation::retire(std::chrono::milliseconds deadline) {
  // Pinned until proven otherwise: factories make no more actors from here on.
  state_.store(State::pinned, std::memory_order_release);
  if (const auto count = living(); count != 0) {
    return fmt::format("{} of its actors still live", count);
  }
  const auto left = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(deadline.count(), 0, std::int64_t{UINT32_MAX}));
  if (descriptor_.calls.quiesce != nullptr) {
    LoaderCall call{*host_, Phase::quiesce};
    const auto quiet = call.run("quiesce", [&] { return descriptor_.calls.quiesce(left); });
    if (!quiet) return fmt::format("it did not come to rest within {} ms: {}", left, quiet.error());
  }
  if (descriptor_.calls.fini != nullptr) {
    LoaderCall call{*host_, Phase::fini};
    const auto over = call.run("fini", [&] {
      descriptor_.calls.fini();
      return BS_OK;
    });
    if (!over) return over.error();
  }
  host_->close();
  state_.store(State::retired, std::memory_order_release);
  return {};
}

std::string Generation::unmap() {
  if (state() != State::retired) return "it is not retired";
  if ((manifest_.flags & BS_UNLOAD_SAFE) == 0) {
    return "it does not say that unmapping it is safe (BS_UNLOAD_SAFE)";
  }
  if (manifest_.no_delete) return "it is linked with -z nodelete";
  if (!library_.close(staged_.path())) {
    state_.store(State::pinned, std::memory_order_release);
    return "the dynamic loader keeps it: a thread-local destructor or a unique symbol of it is in "
           "use";
  }
  state_.store(State::unmapped, std::memory_order_release);
  return {};
}

void Generation::actor_made() noexcept {
  living_.fetch_add(1, std::memory_order_acq_rel);
  made_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace backstage::plugin_host
