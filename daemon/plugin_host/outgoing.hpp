/// Outgoing: what a plugin sends, as the engine takes it.
#pragma once
#include <backstage/plugin.h>

#include "core/envelope.hpp"
#include "core/values/result.hpp"

namespace backstage::plugin_host {

/// Shares the buffer, if there is one, else copies the bytes. The message's type is borrowed from
/// `out`. Throws std::bad_alloc only. Errors: bad_arg (null, no legal message type, body outside of
/// the buffer), too_large. [any]
[[nodiscard]] Result<Message> message_of(const bs_out* out);

/// The ABI's buffers are the engine's. [any]
[[nodiscard]] inline PayloadBuffer* buffer_of(bs_buf* buf) noexcept {
  return reinterpret_cast<PayloadBuffer*>(buf);
}
[[nodiscard]] inline bs_buf* buf_of(PayloadBuffer* buffer) noexcept {
  return reinterpret_cast<bs_buf*>(buffer);
}

}  // namespace backstage::plugin_host
