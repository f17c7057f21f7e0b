/// Call: one call from the host into a plugin, while it runs.
///
/// It lives on the calling thread's stack and is that thread's current call. A bs_ctx is the number
/// of a call, not a pointer: a context used after its callback has returned, on another thread, or
/// made up, names no running call and is answered BS_E_STATE. Nothing of a plugin's is
/// dereferenced.
#pragma once
#include <backstage/plugin.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/fwd.hpp"

namespace backstage::plugin_host {

class HostApi;
class PluginActor;

class Call {
 public:
  /// What the callback may do.
  enum class Rights : std::uint8_t {
    none,    ///< [loader-thread]: no context
    turn,    ///< create, receive: everything
    ending,  ///< destroy: send, publish, reply
  };

  /// A call on the loader thread. [loader]
  explicit Call(HostApi& host) noexcept;
  /// A call in an actor's turn. All must outlive it. [actor]
  Call(HostApi& host, PluginActor& actor, Context& context, Rights rights) noexcept
      : host_(host),
        actor_(&actor),
        context_(&context),
        rights_(rights),
        number_(next_number()),
        outer_(current_) {
    current_ = this;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { current_ = outer_; }

  /// What is running on this thread, or null. [any]
  [[nodiscard]] static Call* current() noexcept { return current_; }
  /// The current call, if `ctx` is its context; else null. [any]
  [[nodiscard]] static Call* of(const bs_ctx* ctx) noexcept {
    Call* call = current_;
    if (call == nullptr || ctx == nullptr || ctx != call->ctx()) return nullptr;
    return call;
  }

  /// What the plugin gets as its context; null without rights.
  [[nodiscard]] bs_ctx* ctx() const noexcept {
    // Opaque to plugins, and never dereferenced here either.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number in a pointer's place, as the ABI has it
    return reinterpret_cast<bs_ctx*>(static_cast<std::uintptr_t>(number_));
  }
  [[nodiscard]] HostApi& host() const noexcept { return host_; }
  /// Both only with rights.
  [[nodiscard]] PluginActor& actor() const noexcept { return *actor_; }
  [[nodiscard]] Context& context() const noexcept { return *context_; }
  [[nodiscard]] Rights rights() const noexcept { return rights_; }
  /// Empty without rights.
  [[nodiscard]] std::string_view actor_name() const noexcept;

  void set_error(std::string_view text) { error_.emplace(text.substr(0, error_bytes_max)); }
  /// Why the callback failed, for people: set_error's text, or what can be said without one.
  [[nodiscard]] std::string reason(std::string_view callback, bs_status status) const;

  /// Runs one of the plugin's functions, which is named `name`. A negative status is an error, with
  /// its reason. So is an exception: where plugin and daemon share one C++ runtime, what a plugin
  /// lets out arrives here. Where they do not, the process aborts; hence the ABI forbids it.
  template <class Callback>
  [[nodiscard]] std::expected<bs_status, std::string> run(std::string_view name,
                                                          Callback&& callback) const {
    try {
      const bs_status status = std::forward<Callback>(callback)();
      if (status >= 0) return status;
      return std::unexpected(reason(name, status));
    } catch (...) {
      return std::unexpected(escaped_from(name));
    }
  }

  /// Why a callback failed that let an exception out.
  [[nodiscard]] static std::string escaped_from(std::string_view callback);

  /// Long enough for a sentence with its detail; it goes into replies and dead letters.
  static constexpr std::size_t error_bytes_max = 1024;

 private:
  // Each thread numbers its calls in a range of its own, so that no counter is shared per message.
  // 2^40 calls are 30 hours of ten million a second: then the thread takes the next free range.
  static constexpr unsigned range_bits = 40;
  static constexpr std::uint64_t within_range = (std::uint64_t{1} << range_bits) - 1;
  [[nodiscard]] static std::uint64_t next_number() noexcept {
    if ((last_number_ & within_range) == 0) [[unlikely]]
      take_range();
    return ++last_number_;
  }
  static void take_range() noexcept;

  static constinit thread_local Call* current_;
  static constinit thread_local std::uint64_t last_number_;

  HostApi& host_;
  PluginActor* const actor_;
  Context* const context_;
  const Rights rights_;
  const std::uint64_t number_;
  Call* const outer_;
  std::optional<std::string> error_;  // most calls have none, and set none up
};

}  // namespace backstage::plugin_host
