#include "daemon/transport/zmq_message.hpp"

#include <new>
#include <utility>

#include "core/values/short_copy.hpp"
#include "daemon/policy/zap_check.hpp"

namespace backstage::transport {
namespace {

// libzmq 4.3.4 keeps up to so many bytes in the message itself (msg.hpp, max_vsm_size).
constexpr std::size_t in_place_bytes_max = 33;
// What is larger costs more to compare than to allocate.
constexpr std::size_t remembered_bytes_max = 1'024;

// A received frame whose bytes a Payload has adopted.
struct AdoptedFrame : PayloadBuffer {
  zmq_msg_t message;
};

void release_adopted(PayloadBuffer* buffer) noexcept {
  auto* adopted = static_cast<AdoptedFrame*>(buffer);
  (void)::zmq_msg_close(&adopted->message);
  delete adopted;
}

void release_shared(void* /*data*/, void* hint) { static_cast<PayloadBuffer*>(hint)->unref(); }

// A new message. Throws std::bad_alloc, which leaves an empty one.
void copy(zmq_msg_t& message, const OutFrame& frame) {
  if (::zmq_msg_init_size(&message, frame.size()) != 0) {
    (void)::zmq_msg_init(&message);
    throw std::bad_alloc();
  }
  auto* const at = static_cast<char*>(::zmq_msg_data(&message));
  copy_mostly_short(at, frame.bytes.data(), frame.bytes.size());
  if (!frame.rest) return;
  at[frame.bytes.size()] = '\n';
  copy_mostly_short(at + frame.bytes.size() + 1, frame.rest->data(), frame.rest->size());
}

std::string_view view_of(zmq_msg_t& part) noexcept {
  return {static_cast<const char*>(::zmq_msg_data(&part)), ::zmq_msg_size(&part)};
}

}  // namespace

ZmqMessage::ZmqMessage() noexcept {
  for (auto& part : parts_) (void)::zmq_msg_init(&part);
}

ZmqMessage::~ZmqMessage() {
  for (auto& part : parts_) (void)::zmq_msg_close(&part);
}

void ZmqMessage::clear() noexcept {
  // An emptied message keeps the reference to its connection's properties; only close drops it.
  for (std::size_t i = 0; i < count_; ++i) {
    (void)::zmq_msg_close(&parts_[i]);
    (void)::zmq_msg_init(&parts_[i]);
  }
  count_ = 0;
  skipped_ = 0;
}

void ZmqMessage::receive(ZmqSocket& socket, bool more) {
  clear();
  zmq_msg_t surplus;
  (void)::zmq_msg_init(&surplus);
  while (more) {
    const bool is_kept = count_ < frames_kept;
    zmq_msg_t& part = is_kept ? parts_[count_] : surplus;
    // The parts of a message arrive as one, so this cannot fail half-way.
    if (!socket.receive(&part)) break;
    more = ::zmq_msg_more(&part) != 0;
    if (is_kept) views_[count_++] = view_of(part);
  }
  (void)::zmq_msg_close(&surplus);
}

Payload ZmqMessage::take(std::size_t frame, std::size_t offset) {
  const std::string_view bytes = frames()[frame].substr(offset);
  if (bytes.size() < frame_adopt_bytes_min) return Payload(bytes);
  auto* adopted = new AdoptedFrame;
  (void)::zmq_msg_init(&adopted->message);
  // Messages of this size hold a pointer to their bytes, which stay where they are.
  (void)::zmq_msg_move(&adopted->message, &parts_[skipped_ + frame]);
  adopted->data = reinterpret_cast<const std::byte*>(bytes.data());
  adopted->size = static_cast<std::uint32_t>(bytes.size());
  adopted->release = release_adopted;
  return Payload::adopt(adopted);
}

// Everybody has a name whom libzmq has asked about, and it asks at all endpoints but those of
// loopback. What came there from elsewhere, by some rule of the kernel's, is nobody's.
std::string_view ZmqMessage::user_id() const noexcept {
  const auto asked = property("User-Id");
  return asked.empty() ? policy::user_unasked(property("Peer-Address")) : asked;
}

std::string_view ZmqMessage::property(const char* name) const noexcept {
  if (count_ == 0) return {};
  const char* const value = ::zmq_msg_gets(&parts_[count_ - 1], name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

int ZmqMessage::connection_fd() const noexcept {
  return count_ == 0 ? -1 : ::zmq_msg_get(&parts_[count_ - 1], ZMQ_SRCFD);
}

LastFrame::LastFrame() noexcept { (void)::zmq_msg_init(&shared_); }

LastFrame::~LastFrame() { (void)::zmq_msg_close(&shared_); }

bool LastFrame::is_as_last(const OutFrame& frame) const noexcept {
  const std::string_view last = bytes_;
  if (last.size() != frame.size() || !last.starts_with(frame.bytes)) return false;
  return !frame.rest || last.substr(frame.bytes.size() + 1) == *frame.rest;
}

void LastFrame::make(zmq_msg_t& message, const OutFrame& frame) {
  const std::size_t size = frame.size();
  if (size <= in_place_bytes_max || size > remembered_bytes_max) return copy(message, frame);
  if (is_as_last(frame)) {
    if (!is_shared_) copy(shared_, frame);
    is_shared_ = true;
    (void)::zmq_msg_init(&message);
    (void)::zmq_msg_copy(&message, &shared_);
    return;
  }
  copy(message, frame);
  bytes_.assign(static_cast<const char*>(::zmq_msg_data(&message)), size);
  if (!std::exchange(is_shared_, false)) return;
  (void)::zmq_msg_close(&shared_);
  (void)::zmq_msg_init(&shared_);
}

bool send_frame(ZmqSocket& socket, const OutFrame& frame, bool more, LastFrame* last) {
  zmq_msg_t message;
  const std::size_t size = frame.bytes.size();
  if (frame.is_shared()) {
    frame.buffer->ref();
    // libzmq only reads it; the interface predates const.
    void* const data = const_cast<char*>(frame.bytes.data());
    if (::zmq_msg_init_data(&message, data, size, release_shared, frame.buffer) != 0) {
      frame.buffer->unref();
      throw std::bad_alloc();
    }
  } else if (last != nullptr) {
    last->make(message, frame);
  } else {
    copy(message, frame);
  }
  if (socket.send(&message, more ? ZMQ_SNDMORE : 0)) return true;
  const int code = errno;
  (void)::zmq_msg_close(&message);
  errno = code;
  return false;
}

}  // namespace backstage::transport
