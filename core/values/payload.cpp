#include "core/values/payload.hpp"

#include <new>

namespace backstage {
namespace {

void free_owned(PayloadBuffer* buffer) noexcept {
  buffer->~PayloadBuffer();
  ::operator delete(buffer);
}

}  // namespace

PayloadBuffer* Payload::allocate(std::size_t size, std::byte** data) {
  // Header and bytes in one block: one allocation.
  void* block = ::operator new(sizeof(PayloadBuffer) + size);
  auto* buffer = new (block) PayloadBuffer;
  auto* bytes = static_cast<std::byte*>(block) + sizeof(PayloadBuffer);
  buffer->size = static_cast<std::uint32_t>(size);
  buffer->data = bytes;
  buffer->release = &free_owned;
  if (data != nullptr) *data = bytes;
  return buffer;
}

Payload Payload::adopt(PayloadBuffer* buffer) noexcept {
  Payload payload;
  payload.size_ = buffer->size;
  payload.is_shared_ = true;
  const auto address = reinterpret_cast<std::uintptr_t>(buffer);
  std::memcpy(payload.inline_.data(), &address, sizeof address);
  return payload;
}

void Payload::share(std::string_view bytes) {
  std::byte* data = nullptr;
  PayloadBuffer* buffer = allocate(bytes.size(), &data);
  std::memcpy(data, bytes.data(), bytes.size());
  const auto address = reinterpret_cast<std::uintptr_t>(buffer);
  std::memcpy(inline_.data(), &address, sizeof address);
  is_shared_ = true;
}

}  // namespace backstage
