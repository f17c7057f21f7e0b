/// Outgoing: what a plugin sends, as the engine takes it.
#pragma once
#include <backstage/plugin.h>

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/envelope.hpp"
#include "core/values/names.hpp"
#include "core/values/result.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {

/// Shares the buffer, if there is one, else copies the bytes. The message's type is borrowed from
/// `out`. Throws std::bad_alloc only. Errors: bad_arg (null, no legal message type, body outside of
/// the buffer), too_large. [any]
[[nodiscard]] Result<Message> message_of(const bs_out* out);

/// What needs no Message in between: bytes without a buffer, few enough to be copied into the
/// envelope. Borrowed.
struct Plain {
  std::string_view type;
  std::string_view body;
};
/// Nothing: it is not plain, or there is something wrong with it; message_of knows what. [any]
[[nodiscard]] inline std::optional<Plain> plain_of(const bs_out* out) noexcept {
  if (out == nullptr || out->buf != nullptr) return std::nullopt;
  const auto type = view(out->type);
  const auto body = view(out->body);
  if (!type || !body || body->size() > payload_inline_bytes_max) return std::nullopt;
  if (!type->empty() && !is_type_name(*type)) return std::nullopt;
  return Plain{*type, *body};
}

/// The ABI's buffers are the engine's. [any]
[[nodiscard]] inline PayloadBuffer* buffer_of(bs_buf* buf) noexcept {
  return reinterpret_cast<PayloadBuffer*>(buf);
}
[[nodiscard]] inline bs_buf* buf_of(PayloadBuffer* buffer) noexcept {
  return reinterpret_cast<bs_buf*>(buffer);
}

// --- The ABI's functions of these names, the same in every table. [any]
[[nodiscard]] bs_buf* buf_new(const bs_api* api, std::size_t size, void** data) noexcept;
void buf_ref(const bs_api* api, bs_buf* buf) noexcept;
void buf_unref(const bs_api* api, bs_buf* buf) noexcept;

}  // namespace backstage::plugin_host
