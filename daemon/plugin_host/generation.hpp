/// Generation: one loaded version of one plugin.
///
/// Several generations of one plugin id may exist side by side: each has its own file, code, host
/// table and counts, and knows nothing of the others. The host keeps each as long as it lives
/// itself; so do the factories it registered and, through them, every actor made from it: code
/// outlives its actors.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_gate/verdict.hpp"
#include "daemon/plugin_host/crash_scene.hpp"
#include "daemon/plugin_host/descriptor.hpp"
#include "daemon/plugin_host/host_api.hpp"
#include "daemon/plugin_host/library.hpp"
#include "daemon/plugin_host/plugin_info.hpp"
#include "daemon/plugin_host/refusal.hpp"
#include "daemon/plugin_host/staging.hpp"

namespace backstage::plugin_host {

class Generation {
 public:
  /// Maps the staged copy. `host` is what its code will call back into. Errors: Library::open's.
  /// [loader]
  [[nodiscard]] static std::expected<std::shared_ptr<Generation>, Refusal> map(
      std::string file, plugin_gate::Manifest manifest, StagedFile staged,
      std::unique_ptr<HostApi> host);

  /// One that is linked into this program, for test kits: its code never comes or goes. [loader]
  [[nodiscard]] static std::shared_ptr<Generation> built_in(plugin_gate::Manifest manifest,
                                                            Library::Entry entry,
                                                            std::unique_ptr<HostApi> host);

  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  ~Generation();

  // --- The steps to active, in this order. After an error nothing of it will be called again.
  /// Errors: entry_refused, descriptor_bad, descriptor_mismatch. [loader]
  [[nodiscard]] std::expected<void, Refusal> enter();
  /// What bringing it up has cost. [loader]
  void set_load_time(std::chrono::microseconds time) noexcept { load_time_ = time; }
  [[nodiscard]] std::chrono::microseconds load_time() const noexcept { return load_time_; }
  /// `config` is the plugin's own JSON text. Errors: init_failed. [loader]
  [[nodiscard]] std::expected<void, Refusal> init(std::string_view config);
  void activate() noexcept { state_.store(State::active, std::memory_order_release); }

  /// Living actors go on and may be made anew by their supervision; that is for callers to see to.
  void drain() noexcept { state_.store(State::draining, std::memory_order_release); }
  /// New selves of actors can be made. [any]
  [[nodiscard]] bool is_serving() const noexcept {
    const State now = state();
    return now == State::active || now == State::draining;
  }
  /// The way back: no new actors; then quiesce and fini, unless that is unsafe, which pins it.
  /// Returns why it is pinned, or nothing. [loader]
  [[nodiscard]] std::string retire(std::chrono::milliseconds deadline);

  /// After retire, and only when nobody else holds it: takes the code out of memory, if it says
  /// that this is safe. Returns why not, or nothing. [loader]
  [[nodiscard]] std::string unmap();

  [[nodiscard]] const std::string& file() const noexcept { return file_; }
  [[nodiscard]] const plugin_gate::Manifest& manifest() const noexcept { return manifest_; }
  [[nodiscard]] const std::vector<PluginType>& types() const noexcept { return descriptor_.types; }
  [[nodiscard]] HostApi& host() noexcept { return *host_; }
  [[nodiscard]] State state() const noexcept { return state_.load(std::memory_order_acquire); }

  // --- Counts of actors. [any]
  void actor_made() noexcept;
  void actor_failed() noexcept { failures_.fetch_add(1, std::memory_order_relaxed); }
  void actor_gone() noexcept { living_.fetch_sub(1, std::memory_order_acq_rel); }
  [[nodiscard]] std::uint64_t living() const noexcept {
    return living_.load(std::memory_order_acquire);
  }
  [[nodiscard]] std::uint64_t made() const noexcept {
    return made_.load(std::memory_order_relaxed);
  }

  /// Handlers and creates that failed.
  [[nodiscard]] std::uint64_t failures() const noexcept {
    return failures_.load(std::memory_order_relaxed);
  }

 private:
  Generation(std::string file, plugin_gate::Manifest manifest, StagedFile staged, Library library,
             std::unique_ptr<HostApi> host);

  const std::string file_;
  const plugin_gate::Manifest manifest_;
  StagedFile staged_;
  const Library library_;
  std::unique_ptr<HostApi> host_;
  const CodeRange code_;
  Descriptor descriptor_;  // constant once entered
  std::chrono::microseconds load_time_{0};
  std::atomic<State> state_{State::loaded};
  std::atomic<std::uint64_t> living_{0};
  std::atomic<std::uint64_t> made_{0};
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace backstage::plugin_host
