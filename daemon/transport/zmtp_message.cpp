#include "daemon/transport/zmtp_message.hpp"

#include <utility>

namespace backstage::transport {

void ZmtpMessage::add(std::string_view frame) noexcept { views_.at(count_++) = frame; }

void ZmtpMessage::add(Payload frame) noexcept {
  owned_.at(count_) = std::move(frame);
  views_.at(count_) = owned_.at(count_).text();
  ++count_;
  has_owned_ = true;
}

void ZmtpMessage::clear() noexcept {
  if (std::exchange(has_owned_, false)) owned_ = {};
  count_ = 0;
  skipped_ = 0;
}

std::vector<Payload> ZmtpMessage::take_owned() {
  std::vector<Payload> taken;
  taken.reserve(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    const bool is_owned = owned_.at(i).size() != 0;
    taken.push_back(is_owned ? std::move(owned_.at(i)) : Payload(views_.at(i)));
  }
  clear();
  return taken;
}

Payload ZmtpMessage::take(std::size_t frame, std::size_t offset) {
  const std::string_view bytes = frames()[frame].substr(offset);
  PayloadBuffer* const buffer = owned_.at(skipped_ + frame).buffer();
  if (buffer == nullptr || bytes.size() < frame_adopt_bytes_min) return Payload(bytes);
  // Nobody else has it yet, so that it may begin later than it did.
  buffer->data = reinterpret_cast<const std::byte*>(bytes.data());
  buffer->size = static_cast<std::uint32_t>(bytes.size());
  buffer->ref();
  return Payload::adopt(buffer);
}

}  // namespace backstage::transport
