// timers/1, monitor/1 and interest/1.
#include <chrono>

#include "core/context.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/guarded.hpp"
#include "daemon/plugin_host/host_api.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

using Rights = Call::Rights;

// The ABI's limit; it also keeps nanoseconds far from overflowing.
constexpr std::uint64_t timer_ms_max = std::uint64_t{365} * 24 * 3600 * 1000;

bs_status set_timer(bs_ctx* ctx, std::uint64_t delay_ms, std::uint64_t period_ms,
                    std::uint64_t* id) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    if (id == nullptr || delay_ms > timer_ms_max || period_ms > timer_ms_max) return BS_E_ARG;
    const auto made = call.context().set_timer(std::chrono::milliseconds{delay_ms},
                                               std::chrono::milliseconds{period_ms});
    if (!made) return status_of(made.error());
    *id = static_cast<std::uint64_t>(*made);
    return BS_OK;
  });
}

bs_status cancel_timer(bs_ctx* ctx, std::uint64_t id) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    return status_of_result(call.context().cancel_timer(TimerId{id}));
  });
}

bs_status monitor(bs_ctx* ctx, bs_addr who) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    const ActorId id = unpack(who);
    if (id.is_nobody()) return BS_E_ARG;
    return status_of_result(call.context().monitor(id));
  });
}

bs_status demonitor(bs_ctx* ctx, bs_addr who) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    (void)call.context().demonitor(unpack(who));  // Not monitored: nothing of it will come either.
    return BS_OK;
  });
}

bs_status watch_interest(bs_ctx* ctx, bs_slice topics) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    const auto text = view(topics);
    if (!text) return BS_E_ARG;
    return status_of_result(call.context().watch_interest(*text));
  });
}

constexpr bs_timers timers{.set = &set_timer, .cancel = &cancel_timer};
constexpr bs_monitor monitors{.monitor = &monitor, .demonitor = &demonitor};
constexpr bs_interest interest{.watch = &watch_interest};

}  // namespace

const void* find_extension(std::string_view id) noexcept {
  if (id == BS_EXT_TIMERS) return &timers;
  if (id == BS_EXT_MONITOR) return &monitors;
  if (id == BS_EXT_INTEREST) return &interest;
  return nullptr;
}

}  // namespace backstage::plugin_host
