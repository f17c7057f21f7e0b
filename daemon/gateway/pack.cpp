#include "daemon/gateway/pack.hpp"

#include "daemon/wire/batch.hpp"
#include "daemon/wire/encode.hpp"

namespace backstage::gateway {

std::string PackBuffers::take() {
  if (kept_.empty()) return {};
  std::string buffer = std::move(kept_.back());
  kept_.pop_back();
  buffer.clear();
  return buffer;
}

void PackBuffers::give(std::string buffer) {
  if (kept_.size() < kept_max) kept_.push_back(std::move(buffer));
}

bool Pack::has_room_for(const Outgoing& message) const noexcept {
  const std::size_t payload = message.payload == nullptr ? 0 : 1 + message.payload->size();
  return count_ < wire::batch_entries_max &&
         bytes() + wire::batch_length_bytes + message.control.size() + payload <= bytes_max;
}

void Pack::add(const Outgoing& message, bool is_answer) {
  if (bytes_.empty()) bytes_.assign(head_bytes, ' ');
  const auto payload = message.payload == nullptr ? std::string_view{} : message.payload->text();
  wire::append_batch_entry(bytes_, message.control,
                           message.payload == nullptr ? nullptr : &payload);
  if (count_ == 0) {
    first_control_ = message.control.size();
    first_has_payload_ = message.payload != nullptr;
  }
  ++count_;
  if (is_answer) ++answers_;
}

std::string Pack::end() noexcept {
  count_ = 0;
  answers_ = 0;
  return std::exchange(bytes_, {});
}

std::span<const OutFrame> Pack::frames(bool one_frame) {
  const std::string_view entries = std::string_view(bytes_).substr(head_bytes);
  if (count_ == 1) {
    const auto message = entries.substr(wire::batch_length_bytes);
    if (one_frame || !first_has_payload_) {
      frames_[0] = {message};
      return std::span(frames_).first(1);
    }
    frames_ = {OutFrame{message.substr(0, first_control_)},
               OutFrame{message.substr(first_control_ + 1)}};
    return frames_;
  }
  std::string head;
  wire::encode(head, wire::Packed{count_});
  head.push_back('\n');
  const std::size_t begin = head_bytes - head.size();
  bytes_.replace(begin, head.size(), head);
  const std::string_view whole = std::string_view(bytes_).substr(begin);
  if (one_frame) {
    frames_[0] = {whole};
    return std::span(frames_).first(1);
  }
  frames_ = {OutFrame{whole.substr(0, head.size() - 1)}, OutFrame{entries}};
  return frames_;
}

}  // namespace backstage::gateway
