// The current call of each thread, and numbers that are never used twice.
#include "daemon/plugin_host/call.hpp"

#include <fmt/format.h>

#include <atomic>

#include "core/context.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

constinit std::atomic<std::uint64_t> next_range{0};

}  // namespace

constinit thread_local Call* Call::current_ = nullptr;
constinit thread_local std::uint64_t Call::last_number_ = 0;

void Call::take_range() noexcept {
  last_number_ = next_range.fetch_add(1, std::memory_order_relaxed) << range_bits;
}

Call::Call(HostApi& host) noexcept
    : host_(host),
      actor_(nullptr),
      context_(nullptr),
      rights_(Rights::none),
      number_(0),
      outer_(current_) {
  current_ = this;
}

std::string_view Call::actor_name() const noexcept {
  return context_ == nullptr ? std::string_view{} : context_->name();
}

std::string Call::reason(std::string_view callback, bs_status status) const {
  if (error_ && !error_->empty()) return *error_;
  return fmt::format("{} answered {} ({}) and gave no reason with set_error", callback,
                     name_of(status), status);
}

std::string Call::escaped_from(std::string_view callback) {
  return fmt::format("an exception left the plugin's {}, which the C ABI forbids: catch it inside",
                     callback);
}

}  // namespace backstage::plugin_host
