// timers/1, monitor/1, interest/1 and metrics/1.
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
  return guarded(ctx, Rights::ending, [&](Call& call) -> bs_status {
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

Metrics& metrics_of(const bs_api* api) noexcept {
  return static_cast<HostApi*>(api->impl)->metrics();
}

bs_status open_metric_of_host(const bs_api* api, std::uint32_t kind, bs_slice name,
                              std::uint32_t* id) noexcept {
  return open_metric(metrics_of(api), kind, name, id);
}

bs_status add_metric(const bs_api* api, std::uint32_t id, std::uint64_t amount) noexcept {
  return metrics_of(api).add(id, amount) ? BS_OK : BS_E_ARG;
}

bs_status set_metric(const bs_api* api, std::uint32_t id, double value) noexcept {
  return metrics_of(api).set(id, value) ? BS_OK : BS_E_ARG;
}

constexpr bs_timers timers{.set = &set_timer, .cancel = &cancel_timer};
constexpr bs_monitor monitors{.monitor = &monitor, .demonitor = &demonitor};
constexpr bs_interest interest{.watch = &watch_interest};
constexpr bs_metrics metrics{.open = &open_metric_of_host, .add = &add_metric, .set = &set_metric};

}  // namespace

bs_status open_metric(Metrics& where, std::uint32_t kind, bs_slice name,
                      std::uint32_t* id) noexcept {
  return no_throw([&]() -> bs_status {
    const auto text = view(name);
    if (!text || id == nullptr) return BS_E_ARG;
    if (kind != BS_METRIC_COUNTER && kind != BS_METRIC_GAUGE) return BS_E_ARG;
    const auto made = where.open(MetricKind{static_cast<std::uint8_t>(kind)}, *text);
    if (!made) return status_of(made.error());
    *id = *made;
    return BS_OK;
  });
}

const void* find_extension(std::string_view id) noexcept {
  if (id == BS_EXT_TIMERS) return &timers;
  if (id == BS_EXT_MONITOR) return &monitors;
  if (id == BS_EXT_INTEREST) return &interest;
  if (id == BS_EXT_METRICS) return &metrics;
  return nullptr;
}

}  // namespace backstage::plugin_host
