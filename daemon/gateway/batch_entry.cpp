#include "daemon/gateway/batch_entry.hpp"

namespace backstage::gateway {
namespace {

// A part of another payload.
struct Slice : PayloadBuffer {
  Payload whole;
};

void release_slice(PayloadBuffer* buffer) noexcept { delete static_cast<Slice*>(buffer); }

}  // namespace

Payload BatchEntry::take(std::size_t /*frame*/, std::size_t offset) {
  const std::string_view bytes = message_.substr(offset);
  const bool is_worth_it =
      bytes.size() >= frame_adopt_bytes_min && bytes.size() * batch_parts_max >= batch_.size();
  if (!is_worth_it) return Payload(bytes);
  auto* const slice = new Slice;
  slice->whole = batch_;
  slice->data = reinterpret_cast<const std::byte*>(bytes.data());
  slice->size = static_cast<std::uint32_t>(bytes.size());
  slice->release = release_slice;
  return Payload::adopt(slice);
}

}  // namespace backstage::gateway
