// A table of functions that do nothing, politely.
#include "daemon/plugin_host/inert_api.hpp"

#include <new>

#include "core/values/limits.hpp"
#include "core/values/payload.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/host_api.hpp"
#include "daemon/plugin_host/outgoing.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

Metrics& inert_metrics_of(const bs_api* api) noexcept {
  return static_cast<InertApi*>(api->impl)->metrics();
}
bs_status open_inert(const bs_api* api, std::uint32_t kind, bs_slice name,
                     std::uint32_t* id) noexcept {
  return open_metric(inert_metrics_of(api), kind, name, id);
}
bs_status add_inert(const bs_api* api, std::uint32_t id, std::uint64_t amount) noexcept {
  return inert_metrics_of(api).add(id, amount) ? BS_OK : BS_E_ARG;
}
bs_status set_inert(const bs_api* api, std::uint32_t id, double value) noexcept {
  return inert_metrics_of(api).set(id, value) ? BS_OK : BS_E_ARG;
}
constexpr bs_metrics inert_metrics{.open = &open_inert, .add = &add_inert, .set = &set_inert};

const void* inert_extension(const bs_api*, const char* id) noexcept {
  // Those of a HostApi look for one behind the table.
  if (id != nullptr && std::string_view{id} == BS_EXT_METRICS) return &inert_metrics;
  // The real tables: without a running call all of their functions answer BS_E_STATE.
  return id == nullptr ? nullptr : find_extension(id);
}

void drop_log(const bs_api*, std::int32_t, bs_slice) noexcept {}

// Nobody is there to be sent anything.
bs_status refuse_post(const bs_api*, bs_addr, const bs_out*) noexcept { return BS_E_NO_ACTOR; }

bs_addr no_self(bs_ctx*) noexcept { return {}; }
bs_slice no_self_name(bs_ctx*) noexcept { return {}; }

// Every [actor-turn] function, whatever it takes: there is no turn.
template <class... Arguments>
bs_status no_turn(Arguments...) noexcept {
  return BS_E_STATE;
}

}  // namespace

InertApi::InertApi(const char* version) noexcept {
  table_ = {.struct_size = sizeof(bs_api),
            .abi_major = BS_ABI_MAJOR,
            .abi_minor = BS_ABI_MINOR,
            .impl = this,
            .host_version = version,
            .extension = &inert_extension,
            .log = &drop_log,
            .set_error = &InertApi::set_error,
            .buf_new = &buf_new,
            .buf_ref = &buf_ref,
            .buf_unref = &buf_unref,
            .post = &refuse_post,
            .self = &no_self,
            .self_name = &no_self_name,
            .resolve = &no_turn<bs_ctx*, bs_slice, bs_addr*>,
            .send = &no_turn<bs_ctx*, bs_addr, const bs_out*>,
            .publish = &no_turn<bs_ctx*, bs_slice, const bs_out*, std::uint32_t>,
            .subscribe = &no_turn<bs_ctx*, bs_slice, std::uint64_t*>,
            .unsubscribe = &no_turn<bs_ctx*, std::uint64_t>,
            .request = &no_turn<bs_ctx*, bs_addr, const bs_out*, std::uint32_t, std::uint64_t*>,
            .reply = &no_turn<bs_ctx*, bs_request, const bs_out*>,
            .reply_error = &no_turn<bs_ctx*, bs_request, bs_status, bs_slice>,
            .spawn = &no_turn<bs_ctx*, bs_slice, bs_slice, bs_slice, std::uint32_t, bs_addr*>,
            .stop_self = &no_turn<bs_ctx*>,
            .write = &no_turn<bs_sink*, bs_slice>};
}

void InertApi::set_error(const bs_api* api, bs_status, bs_slice text) noexcept {
  const auto why = view(text);
  if (!why) return;
  try {
    static_cast<InertApi*>(api->impl)->error_ = why->substr(0, Call::error_bytes_max);
  } catch (const std::bad_alloc&) {
    // The sentence is lost, the refusal is not.
    static_cast<InertApi*>(api->impl)->error_.clear();
  }
}

}  // namespace backstage::plugin_host
