/// Call: one call from the host into a plugin, while it runs.
///
/// It lives on the calling thread's stack and is that thread's current call; calls do not nest. A
/// bs_ctx is the number of a call, not a pointer: a context used after its callback has returned,
/// on another thread, or made up, names no running call and is answered BS_E_STATE. Nothing of a
/// plugin's is dereferenced.
///
/// Every message pays for it, and in stores above all: about a cycle for each. Hence the number and
/// the error's text are the thread's, not the call's.
#pragma once
#include <backstage/plugin.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/fwd.hpp"
#include "daemon/plugin_host/phase.hpp"

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

  /// A call in an actor's turn; the phase gives its rights. All must outlive it. Of receive make a
  /// ReceiveCall, of save a SaveCall. [actor]
  Call(PluginActor& actor, Context& context, Phase phase) noexcept
      : Call(&actor, &context, phase) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { here_.current = nullptr; }

  /// What is running on this thread, or null. [any]
  [[nodiscard]] static Call* current() noexcept { return here_.current; }
  /// The current call, if `ctx` is its context; else null. [any]
  [[nodiscard]] static Call* of(const bs_ctx* ctx) noexcept {
    Call* const call = here_.current;
    const bool is_its = reinterpret_cast<std::uintptr_t>(ctx) == here_.number;
    return is_its && call != nullptr && call->has_actor() ? call : nullptr;
  }

  /// What the plugin gets as its context, while this is the current call.
  [[nodiscard]] static bs_ctx* ctx() noexcept {
    // Opaque to plugins, and never dereferenced here either.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): a number in a pointer's place, as the ABI has it
    return reinterpret_cast<bs_ctx*>(static_cast<std::uintptr_t>(here_.number));
  }
  [[nodiscard]] HostApi& host() const noexcept;
  [[nodiscard]] Phase phase() const noexcept { return phase_; }
  [[nodiscard]] Rights rights() const noexcept {
    if (phase_ >= Phase::create) return Rights::turn;
    return phase_ == Phase::destroy ? Rights::ending : Rights::none;
  }
  [[nodiscard]] bool has_actor() const noexcept { return actor_ != nullptr; }
  /// Both only with an actor.
  [[nodiscard]] PluginActor& actor() const noexcept { return *actor_; }
  [[nodiscard]] Context& context() const noexcept { return *context_; }
  /// What it receives; null but in receive.
  [[nodiscard]] inline const bs_msg* message() const noexcept;
  /// Empty without an actor.
  [[nodiscard]] std::string_view actor_name() const noexcept;

  /// What `sink` writes to, if it is the current call's; else null. [any]
  [[nodiscard]] static inline std::string* state_of(const bs_sink* sink) noexcept;

  /// For `reason`; of a longer text the beginning. While this is the current call.
  static void set_error(std::string_view text) noexcept;
  /// Why the callback failed, for people: set_error's text, or what can be said without one.
  [[nodiscard]] static std::string reason(std::string_view callback, bs_status status);

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

  // Each thread numbers its calls in a range of its own, so that no counter is shared per message.
  // 2^40 calls are 30 hours of ten million a second: then the thread takes the next free range.
  [[nodiscard]] static bool has_number() noexcept { return (here_.number & within_range) != 0; }
  static void take_range() noexcept;

 protected:
  struct Numbered {};  // has_number was seen
  Call(PluginActor* actor, Context* context, Phase phase, Numbered) noexcept
      : actor_(actor), context_(context), phase_(phase) {
    assert(here_.current == nullptr && has_number());
    ++here_.number;
    here_.current = this;
  }
  Call(PluginActor* actor, Context* context, Phase phase) noexcept
      : Call(actor, context, phase, with_number()) {}
  [[nodiscard]] static std::uint64_t number() noexcept { return here_.number; }

 private:
  // Of this thread. The number is that of its current call, or of the last one.
  struct Here {
    Call* current = nullptr;
    std::uint64_t number = 0;
  };
  struct Error {
    std::uint64_t number = 0;  // of the call that it is of
    std::size_t size = 0;
    std::array<char, error_bytes_max> text{};
  };
  static constexpr unsigned range_bits = 40;
  static constexpr std::uint64_t within_range = (std::uint64_t{1} << range_bits) - 1;
  [[nodiscard]] static Numbered with_number() noexcept {
    if (!has_number()) [[unlikely]]
      take_range();
    return {};
  }

  static constinit thread_local Here here_;
  static constinit thread_local Error error_;

  PluginActor* const actor_;
  Context* const context_;
  const Phase phase_;
};

/// A call on the loader thread: of the plugin, not of an actor.
struct LoaderCall final : Call {
  LoaderCall(HostApi& given, Phase phase) noexcept : Call(nullptr, nullptr, phase), host(given) {}

  HostApi& host;
};

/// A call of save, with what it has written.
struct SaveCall final : Call {
  SaveCall(PluginActor& actor, Context& context) noexcept : Call(actor, context, Phase::save) {}

  /// What the plugin gets to write its state with.
  [[nodiscard]] static bs_sink* sink() noexcept {
    // Not the number itself, which is a context: save has none.
    // NOLINTNEXTLINE(performance-no-int-to-ptr): as ctx
    return reinterpret_cast<bs_sink*>(static_cast<std::uintptr_t>(~number()));
  }
  std::string state;
};

/// A message, placed so that none of its slices crosses a cache line: a store that does costs two.
struct alignas(64) PlacedMessage {
  std::uint64_t gap[2];
  bs_msg msg;
};
static_assert(offsetof(PlacedMessage, msg.type) / 64 ==
              (offsetof(PlacedMessage, msg.type) + sizeof(bs_slice) - 1) / 64);

/// A call of receive with its message in one piece: a crash finds it without a pointer to it.
struct ReceiveCall final : Call {
  /// Only once has_number said yes.
  ReceiveCall(PluginActor& actor, Context& context) noexcept
      : Call(&actor, &context, Phase::receive, Numbered{}) {}

  PlacedMessage in;  // filled by whoever makes the call, before it goes out
};

inline const bs_msg* Call::message() const noexcept {
  return phase_ == Phase::receive ? &static_cast<const ReceiveCall*>(this)->in.msg : nullptr;
}

inline std::string* Call::state_of(const bs_sink* sink) noexcept {
  Call* const call = here_.current;
  if (call == nullptr || call->phase_ != Phase::save) return nullptr;
  auto* const save = static_cast<SaveCall*>(call);
  return sink == SaveCall::sink() ? &save->state : nullptr;
}

}  // namespace backstage::plugin_host
