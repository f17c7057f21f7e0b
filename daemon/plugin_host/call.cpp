// The current call of each thread, and numbers that are never used twice.
#include "daemon/plugin_host/call.hpp"

#include <fmt/format.h>

#include <atomic>

#include "core/context.hpp"
#include "daemon/plugin_host/plugin_actor.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

constinit std::atomic<std::uint64_t> next_range{0};

}  // namespace

constinit thread_local Call::Here Call::here_{};
constinit thread_local Call::Error Call::error_{};

void Call::take_range() noexcept {
  here_.number = (next_range.fetch_add(1, std::memory_order_relaxed) << range_bits) + 1;
}

HostApi& Call::host() const noexcept {
  return actor_ != nullptr ? actor_->host() : static_cast<const LoaderCall*>(this)->host;
}

void Call::set_error(std::string_view text) noexcept {
  error_.number = here_.number;
  error_.size = text.copy(error_.text.data(), error_.text.size());
}

std::string_view Call::actor_name() const noexcept {
  return context_ == nullptr ? std::string_view{} : context_->name();
}

std::string Call::reason(std::string_view callback, bs_status status) {
  if (error_.number == here_.number && error_.size != 0) return {error_.text.data(), error_.size};
  return fmt::format("{} answered {} ({}) and gave no reason with set_error", callback,
                     name_of(status), status);
}

std::string Call::escaped_from(std::string_view callback) {
  return fmt::format("an exception left the plugin's {}, which the C ABI forbids: catch it inside",
                     callback);
}

}  // namespace backstage::plugin_host
