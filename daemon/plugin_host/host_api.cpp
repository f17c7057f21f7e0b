// The v1.0 table. Every function finds its running call first, so that misuse is answered, not
// obeyed.
#include "daemon/plugin_host/host_api.hpp"

#include <chrono>
#include <new>

#include "core/context.hpp"
#include "core/engine.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/guarded.hpp"
#include "daemon/plugin_host/outgoing.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

using Rights = Call::Rights;

HostApi& host_of(const bs_api* api) noexcept { return *static_cast<HostApi*>(api->impl); }

std::string_view cut(std::string_view text, std::size_t bytes_max) noexcept {
  return text.substr(0, bytes_max);
}

// --- [any-thread]

const void* extension(const bs_api*, const char* id) noexcept {
  return id == nullptr ? nullptr : find_extension(id);
}

void log(const bs_api* api, std::int32_t level, bs_slice text) noexcept {
  const auto line = view(text);
  if (!line) return;
  const auto known = level <= BS_LOG_DEBUG  ? Level::debug
                     : level == BS_LOG_INFO ? Level::info
                     : level == BS_LOG_WARN ? Level::warn
                                            : Level::error;
  host_of(api).log(known, cut(*line, log_bytes_max));
}

void set_error(const bs_api* api, bs_status, bs_slice text) noexcept {
  const auto why = view(text);
  if (!why) return;
  // A plugin's own thread has no call to explain; its words still reach somebody.
  if (Call::current() != nullptr) {
    Call::set_error(*why);
  } else {
    host_of(api).log(Level::error, cut(*why, log_bytes_max));
  }
}

bs_status post(const bs_api* api, bs_addr to, const bs_out* out) noexcept {
  return host_of(api).post(to, out);
}

// --- [actor-turn]

bs_addr self(bs_ctx* ctx) noexcept {
  const Call* call = Call::of(ctx);
  return call == nullptr ? bs_addr{} : pack(call->context().self());
}

bs_slice self_name(bs_ctx* ctx) noexcept {
  const Call* call = Call::of(ctx);
  return call == nullptr ? bs_slice{} : slice(call->actor_name());
}

bs_status resolve(bs_ctx* ctx, bs_slice name, bs_addr* out) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    const auto text = view(name);
    if (!text || out == nullptr) return BS_E_ARG;
    const auto found = call.context().resolve(*text);
    if (!found) return status_of(found.error());
    *out = pack(*found);
    return BS_OK;
  });
}

// With a buffer, long, or wrong.
bs_status send_any(bs_ctx* ctx, bs_addr to, const bs_out* out) noexcept {
  return guarded(ctx, Rights::ending, [&](Call& call) -> bs_status {
    auto message = message_of(out);
    if (!message) return status_of(message.error());
    return status_of_result(call.context().send(unpack(to), std::move(*message)));
  });
}

bs_status send(bs_ctx* ctx, bs_addr to, const bs_out* out) noexcept {
  const auto plain = plain_of(out);
  const Call* const call = Call::of(ctx);
  if (!plain || call == nullptr) [[unlikely]]
    return send_any(ctx, to, out);
  try {
    return status_of_result(call->context().send(unpack(to), plain->type, plain->body));
  } catch (...) {
    return BS_E_FAIL;
  }
}

bs_status publish(bs_ctx* ctx, bs_slice topic, const bs_out* out, std::uint32_t flags) noexcept {
  return guarded(ctx, Rights::ending, [&](Call& call) -> bs_status {
    const auto name = view(topic);
    if (!name) return BS_E_ARG;
    if ((flags & ~std::uint32_t{BS_PUBLISH_RETAIN}) != 0) return BS_E_NOSUP;
    const auto message = message_of(out);
    if (!message) return status_of(message.error());
    return status_of_result(call.context().publish(name->empty() ? default_topic : *name, *message,
                                                   {.retain = (flags & BS_PUBLISH_RETAIN) != 0}));
  });
}

bs_status subscribe(bs_ctx* ctx, bs_slice pattern, std::uint64_t* sub) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    const auto text = view(pattern);
    if (!text || sub == nullptr) return BS_E_ARG;
    const auto parsed = Pattern::parse(*text);
    if (!parsed) return status_of(parsed.error());
    const auto made = call.context().subscribe(*parsed);
    if (!made) return status_of(made.error());
    *sub = static_cast<std::uint64_t>(made->id);
    return BS_OK;
  });
}

bs_status unsubscribe(bs_ctx* ctx, std::uint64_t sub) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    return status_of_result(call.context().unsubscribe(SubscriptionId{sub}));
  });
}

bs_status request(bs_ctx* ctx, bs_addr to, const bs_out* out, std::uint32_t timeout_ms,
                  std::uint64_t* corr) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    if (corr == nullptr) return BS_E_ARG;
    auto message = message_of(out);
    if (!message) return status_of(message.error());
    const Duration deadline = timeout_ms == 0 ? Duration{request_deadline_default}
                                              : std::chrono::milliseconds{timeout_ms};
    const auto asked = call.context().request(unpack(to), std::move(*message), deadline);
    if (!asked) return status_of(asked.error());
    *corr = static_cast<std::uint64_t>(*asked);
    return BS_OK;
  });
}

RequestRef ref_of(bs_request request) noexcept {
  return {.from = unpack(request.from), .id = RequestId{request.corr}};
}

bs_status reply(bs_ctx* ctx, bs_request request, const bs_out* out) noexcept {
  return guarded(ctx, Rights::ending, [&](Call& call) -> bs_status {
    auto message = message_of(out);
    if (!message) return status_of(message.error());
    return status_of_result(call.context().reply(ref_of(request), std::move(*message)));
  });
}

bs_status reply_error(bs_ctx* ctx, bs_request request, bs_status status, bs_slice text) noexcept {
  return guarded(ctx, Rights::ending, [&](Call& call) -> bs_status {
    const auto sentence = view(text);
    if (!sentence || status >= 0) return BS_E_ARG;
    return status_of_result(call.context().reply_error(ref_of(request), errc_of(status),
                                                       cut(*sentence, Call::error_bytes_max)));
  });
}

bs_status spawn(bs_ctx* ctx, bs_slice type, bs_slice name, bs_slice config, std::uint32_t flags,
                bs_addr* out) noexcept {
  return guarded(ctx, Rights::turn, [&](Call& call) -> bs_status {
    const auto type_name = view(type);
    const auto actor_name = view(name);
    const auto text = view(config);
    if (!type_name || !actor_name || !text || out == nullptr) return BS_E_ARG;
    if ((flags & ~std::uint32_t{BS_SPAWN_CHILD}) != 0) return BS_E_NOSUP;
    const auto made = call.context().spawn({.type = *type_name,
                                            .name = *actor_name,
                                            .config = *text,
                                            .as_child = (flags & BS_SPAWN_CHILD) != 0});
    if (!made) return status_of(made.error());
    *out = pack(made->id);
    return made->existed ? BS_EXISTING : BS_OK;
  });
}

bs_status stop_self(bs_ctx* ctx) noexcept {
  return guarded(ctx, Rights::turn, [](Call& call) -> bs_status {
    call.context().stop_self();
    return BS_OK;
  });
}

// Only in save is there a sink.
bs_status write(bs_sink* sink, bs_slice bytes) noexcept {
  std::string* const state = Call::state_of(sink);
  if (state == nullptr) return BS_E_STATE;
  const auto more = view(bytes);
  if (!more) return BS_E_ARG;
  if (more->size() > state_bytes_max - state->size()) return BS_E_TOO_LARGE;
  return no_throw([&]() -> bs_status {
    state->append(*more);
    return BS_OK;
  });
}

}  // namespace

const char* const host_version = BACKSTAGE_VERSION;

HostApi::HostApi(Engine& engine, Events& events, const PluginIdentity& plugin, const char* version)
    : engine_(engine), events_(events), plugin_(plugin) {
  table_ = {.struct_size = sizeof(bs_api),
            .abi_major = BS_ABI_MAJOR,
            .abi_minor = BS_ABI_MINOR,
            .impl = this,
            .host_version = version,
            .extension = &extension,
            .log = &plugin_host::log,
            .set_error = &set_error,
            .buf_new = &buf_new,
            .buf_ref = &buf_ref,
            .buf_unref = &buf_unref,
            .post = &plugin_host::post,
            .self = &self,
            .self_name = &self_name,
            .resolve = &resolve,
            .send = &send,
            .publish = &publish,
            .subscribe = &subscribe,
            .unsubscribe = &unsubscribe,
            .request = &request,
            .reply = &reply,
            .reply_error = &reply_error,
            .spawn = &spawn,
            .stop_self = &stop_self,
            .write = &write};
}

void HostApi::log(Level level, std::string_view text) noexcept {
  const Door::Pass pass{door_};
  if (!pass.is_inside()) return;
  const Call* call = Call::current();
  events_.plugin_log(level, plugin_.id.text(),
                     call == nullptr ? std::string_view{} : call->actor_name(), text);
}

bs_status HostApi::post(bs_addr to, const bs_out* out) noexcept {
  const Door::Pass pass{door_};
  if (!pass.is_inside()) return BS_E_STOPPING;
  return no_throw([&]() -> bs_status {
    auto message = message_of(out);
    if (!message) return status_of(message.error());
    return status_of_result(engine_.send(unpack(to), std::move(*message)));
  });
}

}  // namespace backstage::plugin_host
