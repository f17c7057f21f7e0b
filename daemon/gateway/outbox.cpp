#include "daemon/gateway/outbox.hpp"

#include <array>
#include <span>

namespace backstage::gateway {

SendResult Outbox::send(const Outgoing& message) {
  std::array<OutFrame, 2> frames{OutFrame{message.control}, OutFrame{}};
  std::size_t count = 1;
  if (message.payload != nullptr && one_frame_) {
    joined_.assign(message.control).push_back('\n');
    joined_.append(message.payload->text());
    frames[0].bytes = joined_;
  } else if (message.payload != nullptr) {
    frames[1] = {message.payload->text(), message.payload->buffer()};
    count = 2;
  }
  const auto result = transport_.send(peer_, std::span(frames).first(count));
  if (result == SendResult::sent) counters_.messages_out.add();
  if (result == SendResult::would_block) counters_.would_block.add();
  return result;
}

Outbox::Put Outbox::put(const Outgoing& message) {
  if (empty()) {
    const auto result = send(message);
    if (result == SendResult::sent) return Put::done;
    if (result == SendResult::gone) return Put::gone;
  }
  const std::uint64_t payload_bytes = message.payload == nullptr ? 0 : message.payload->size();
  const std::uint64_t bytes = message.control.size() + payload_bytes;
  if (waiting_.size() >= limits_.outbox_entries_max ||
      (!waiting_.empty() && waiting_bytes_ + bytes > limits_.session_bytes_max)) {
    return Put::full;
  }
  waiting_bytes_ += bytes;
  waiting_.push_back({std::string(message.control),
                      message.payload == nullptr ? Payload() : *message.payload,
                      message.payload != nullptr});
  return Put::done;
}

SendResult Outbox::deliver(const Outgoing& message) {
  return empty() ? send(message) : SendResult::would_block;
}

SendResult Outbox::flush() {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();
    const auto result = send({first.control, first.has_payload ? &first.payload : nullptr});
    if (result != SendResult::sent) return result;
    waiting_bytes_ -= first.control.size() + first.payload.size();
    waiting_.pop_front();
  }
  return SendResult::sent;
}

void Outbox::clear() noexcept {
  waiting_.clear();
  waiting_bytes_ = 0;
}

}  // namespace backstage::gateway
