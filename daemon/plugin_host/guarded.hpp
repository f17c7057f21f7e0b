/// What every host function does around its one Context call.
#pragma once
#include <backstage/plugin.h>

#include <utility>

#include "core/values/result.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {

/// Memory that is out is the only exception the engine knows. [any]
template <class Act>
[[nodiscard]] bs_status no_throw(Act&& act) noexcept {
  try {
    return std::forward<Act>(act)();
  } catch (...) {
    return BS_E_FAIL;
  }
}

/// Runs `act` with the running call: BS_E_STATE without one, BS_E_STOPPING where the callback has
/// fewer rights than `wanted`. [any]
template <class Act>
[[nodiscard]] bs_status guarded(const bs_ctx* ctx, Call::Rights wanted, Act&& act) noexcept {
  Call* call = Call::of(ctx);
  if (call == nullptr) return BS_E_STATE;
  if (wanted == Call::Rights::turn && call->rights() != Call::Rights::turn) return BS_E_STOPPING;
  return no_throw([&] { return std::forward<Act>(act)(*call); });
}

template <class T>
[[nodiscard]] bs_status status_of_result(const Result<T>& result) noexcept {
  return result ? BS_OK : status_of(result.error());
}

}  // namespace backstage::plugin_host
