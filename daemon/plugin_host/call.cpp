// The current call of each thread, and numbers that are never used twice.
#include "daemon/plugin_host/call.hpp"

#include <fmt/format.h>

#include <atomic>

#include "core/context.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

constinit thread_local Call* current_call = nullptr;

// Each thread numbers its calls in a range of its own, so that no counter is shared per message.
// 2^40 calls are 30 hours of ten million a second: then the thread takes the next free range.
constexpr unsigned range_bits = 40;
constinit std::atomic<std::uint64_t> next_range{0};
constinit thread_local std::uint64_t last_number = 0;

std::uint64_t next_number() noexcept {
  constexpr std::uint64_t within_range = (std::uint64_t{1} << range_bits) - 1;
  if ((last_number & within_range) == 0) {
    last_number = next_range.fetch_add(1, std::memory_order_relaxed) << range_bits;
  }
  return ++last_number;
}

}  // namespace

Call::Call(HostApi& host) noexcept
    : host_(host),
      actor_(nullptr),
      context_(nullptr),
      rights_(Rights::none),
      number_(0),
      outer_(current_call) {
  current_call = this;
}

Call::Call(HostApi& host, PluginActor& actor, Context& context, Rights rights) noexcept
    : host_(host),
      actor_(&actor),
      context_(&context),
      rights_(rights),
      number_(next_number()),
      outer_(current_call) {
  current_call = this;
}

Call::~Call() { current_call = outer_; }

Call* Call::current() noexcept { return current_call; }

Call* Call::of(const bs_ctx* ctx) noexcept {
  Call* call = current_call;
  if (call == nullptr || ctx == nullptr || ctx != call->ctx()) return nullptr;
  return call;
}

bs_ctx* Call::ctx() const noexcept {
  // Opaque to plugins, and never dereferenced here either.
  return reinterpret_cast<bs_ctx*>(static_cast<std::uintptr_t>(number_));  // NOLINT
}

std::string_view Call::actor_name() const noexcept {
  return context_ == nullptr ? std::string_view{} : context_->name();
}

std::string Call::reason(std::string_view callback, bs_status status) const {
  if (!error_.empty()) return error_;
  return fmt::format("{} answered {} ({}) and gave no reason with set_error", callback,
                     name_of(status), status);
}

std::string Call::escaped_from(std::string_view callback) {
  return fmt::format("an exception left the plugin's {}, which the C ABI forbids: catch it inside",
                     callback);
}

}  // namespace backstage::plugin_host
