// Payloads from a plugin's bytes or buffers, without a copy where that is cheaper.
#include "daemon/plugin_host/outgoing.hpp"

#include <functional>
#include <new>

#include "core/values/names.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

// A part of another buffer, which it keeps alive.
struct Window final : PayloadBuffer {
  PayloadBuffer* whole;

  Window(PayloadBuffer& from, std::string_view part) : whole(&from) {
    whole->ref();
    data = reinterpret_cast<const std::byte*>(part.data());
    size = static_cast<std::uint32_t>(part.size());
    release = [](PayloadBuffer* self) noexcept {
      auto* window = static_cast<Window*>(self);
      window->whole->unref();
      delete window;
    };
  }
};

bool lies_in(std::string_view part, const PayloadBuffer& whole) noexcept {
  // std::less_equal orders pointers of any origin.
  const std::less_equal<const char*> not_after;
  const auto* begin = reinterpret_cast<const char*>(whole.data);
  return not_after(begin, part.data()) && not_after(part.data(), begin + whole.size) &&
         part.size() <= static_cast<std::size_t>(begin + whole.size - part.data());
}

Payload share(PayloadBuffer& whole, std::string_view part) {
  if (part.size() != whole.size) return Payload::adopt(new Window{whole, part});
  whole.ref();
  return Payload::adopt(&whole);
}

}  // namespace

Result<Message> message_of(const bs_out* out) {
  if (out == nullptr) return Refused(Errc::bad_arg);
  const auto type = view(out->type);
  const auto body = view(out->body);
  // The grammar of types keeps message types harmless wherever they are shown.
  if (!type || !body || (!type->empty() && !is_type_name(*type))) return Refused(Errc::bad_arg);
  PayloadBuffer* whole = buffer_of(out->buf);
  if (whole != nullptr && !body->empty() && !lies_in(*body, *whole)) return Refused(Errc::bad_arg);
  if (body->size() > payload_bytes_max) return Refused(Errc::too_large);
  // Up to a cache line, a copy costs less than counting.
  const bool copies = whole == nullptr || body->size() <= payload_inline_bytes_max;
  return Message{.type = *type, .payload = copies ? Payload{*body} : share(*whole, *body)};
}

bs_buf* buf_new(const bs_api*, std::size_t size, void** data) noexcept {
  if (data == nullptr || size > payload_bytes_max) return nullptr;
  try {
    std::byte* bytes = nullptr;
    PayloadBuffer* buffer = Payload::allocate(size, &bytes);
    *data = bytes;
    return buf_of(buffer);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void buf_ref(const bs_api*, bs_buf* buf) noexcept { buffer_of(buf)->ref(); }
void buf_unref(const bs_api*, bs_buf* buf) noexcept { buffer_of(buf)->unref(); }

}  // namespace backstage::plugin_host
