#include "daemon/transport/zmtp_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace backstage::transport {

ZmtpReader::~ZmtpReader() {
  if (cut_ != nullptr && cut_->body != nullptr) cut_->body->unref();
}

std::size_t ZmtpReader::take_tail(char* to) noexcept {
  if (!has_tail()) return 0;
  const std::size_t size = cut_->tail.copy(to, cut_->tail.size());
  cut_->tail.clear();
  return size;
}

std::span<char> ZmtpReader::body_room() const noexcept {
  if (cut_ == nullptr || cut_->body == nullptr) return {};
  return {reinterpret_cast<char*>(cut_->body_at), cut_->body_missing};
}

bool ZmtpReader::filled(std::size_t bytes) noexcept {
  cut_->body_at += bytes;
  cut_->body_missing -= bytes;
  return cut_->body_missing == 0;
}

bool ZmtpReader::resume(ZmtpMessage& message) {
  if (cut_ == nullptr) return false;
  for (Payload& frame : cut_->frames) message.add(std::move(frame));
  cut_->frames.clear();
  bool is_whole = false;
  if (cut_->body != nullptr && cut_->body_missing == 0) {
    message.add(Payload::adopt(std::exchange(cut_->body, nullptr)));
    is_whole = !cut_->body_has_more;
  }
  if (cut_->surplus_missing == 0 && cut_->body == nullptr && !cut_->surplus_has_more) cut_.reset();
  return is_whole;
}

// Bytes of a frame beyond those that are kept.
bool ZmtpReader::skip_surplus(std::string_view& bytes) {
  const auto skipped = std::min<std::uint64_t>(cut_->surplus_missing, bytes.size());
  bytes.remove_prefix(skipped);
  cut_->surplus_missing -= skipped;
  return cut_->surplus_missing == 0;
}

ZmtpReader::What ZmtpReader::next(std::string_view& bytes, ZmtpMessage& message) {
  if (cut_ != nullptr && cut_->surplus_missing != 0) {
    if (!skip_surplus(bytes)) return What::nothing;
    if (!std::exchange(cut_->surplus_has_more, false)) return What::message;
  }
  for (;;) {
    const zmtp::Header header = zmtp::parse_header(bytes);
    if (header.state == zmtp::Header::State::incomplete) return What::nothing;
    const auto bytes_max =
        header.is_command ? std::min(command_bytes_max, frame_bytes_max_) : frame_bytes_max_;
    if (header.state == zmtp::Header::State::broken || header.body_bytes > bytes_max) {
      return What::broken;
    }
    const auto rest = bytes.substr(header.bytes);
    if (rest.size() < header.body_bytes) return begin(header, bytes, message);
    const auto body = rest.substr(0, header.body_bytes);
    bytes = rest.substr(header.body_bytes);
    if (header.is_command) {
      command_ = body;
      return What::command;
    }
    if (!message.is_full()) message.add(body);
    if (!header.has_more) return What::message;
  }
}

// A frame of which a part has come.
ZmtpReader::What ZmtpReader::begin(const zmtp::Header& header, std::string_view& bytes,
                                   const ZmtpMessage& message) {
  if (header.is_command) return What::nothing;
  const auto come = bytes.substr(header.bytes);
  if (message.is_full()) {
    cut().surplus_missing = header.body_bytes - come.size();
    cut().surplus_has_more = header.has_more;
    bytes = {};
    return What::nothing;
  }
  if (header.body_bytes < frame_adopt_bytes_min) return What::nothing;
  Cut& begun = cut();
  begun.body = Payload::allocate(header.body_bytes, &begun.body_at);
  std::memcpy(begun.body_at, come.data(), come.size());
  begun.body_at += come.size();
  begun.body_missing = header.body_bytes - come.size();
  begun.body_has_more = header.has_more;
  bytes = {};
  return What::nothing;
}

void ZmtpReader::keep(std::string_view bytes, ZmtpMessage& message) {
  if (!bytes.empty()) cut().tail = bytes;
  if (!message.all_frames().empty()) cut().frames = message.take_owned();
}

}  // namespace backstage::transport
