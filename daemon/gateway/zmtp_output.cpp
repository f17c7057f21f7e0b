#include "daemon/gateway/zmtp_output.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "daemon/zmtp/frame.hpp"

namespace backstage::gateway {
namespace {

constexpr std::size_t chunk_bytes = 8'192;
// Of chunks kept for later: 2 MiB.
constexpr std::size_t free_chunks_max = 256;
// Of one call.
constexpr std::size_t pieces_max = 32;

std::size_t size_of(const OutFrame& frame) noexcept {
  return frame.bytes.size() + (frame.rest ? 1 + frame.rest->size() : 0);
}

bool is_shared(const OutFrame& frame) noexcept {
  return frame.buffer != nullptr && frame.bytes.size() >= frame_adopt_bytes_min;
}

void encode_frame(std::string& out, const OutFrame& frame, bool has_more) {
  out += zmtp::message_header(size_of(frame), has_more).text();
  out += frame.bytes;
  if (!frame.rest) return;
  out += '\n';
  out += *frame.rest;
}

}  // namespace

void encode_message(std::string& out, std::span<const OutFrame> frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    encode_frame(out, frames[i], i + 1 < frames.size());
  }
}

ZmtpChunk& ZmtpChunks::append_to(std::list<ZmtpChunk>& list, std::size_t bytes) {
  if (free_.empty()) {
    list.emplace_back();
  } else {
    list.splice(list.end(), free_, free_.begin());
  }
  ZmtpChunk& added = list.back();
  if (bytes != 0) added.bytes.reserve(std::max(bytes, chunk_bytes));
  return added;
}

void ZmtpChunks::take_first(std::list<ZmtpChunk>& list) {
  ZmtpChunk& first = list.front();
  if (free_.size() >= free_chunks_max || first.bytes.capacity() > 2 * chunk_bytes) {
    return list.pop_front();
  }
  first.bytes.clear();
  first.shared = Payload();
  first.messages = 0;
  free_.splice(free_.begin(), list, list.begin());
}

std::string& ZmtpOutput::room_for(ZmtpChunks& chunks, std::size_t bytes) {
  if (!chunks_.empty() && chunks_.back().shared.empty()) {
    std::string& last = chunks_.back().bytes;
    if (last.capacity() - last.size() >= bytes) return last;
  }
  return chunks.append_to(chunks_, bytes).bytes;
}

void ZmtpOutput::append_frame(ZmtpChunks& chunks, const OutFrame& frame, bool has_more) {
  const std::size_t size = size_of(frame);
  bytes_ += size + zmtp::message_header(size, has_more).size;
  if (!is_shared(frame)) {
    return encode_frame(room_for(chunks, size + zmtp::header_bytes_max), frame, has_more);
  }
  room_for(chunks, zmtp::header_bytes_max) += zmtp::message_header(size, has_more).text();
  frame.buffer->ref();
  ZmtpChunk& chunk = chunks.append_to(chunks_, 0);
  chunk.shared = Payload::adopt(frame.buffer);
  chunk.view = frame.bytes;
}

void ZmtpOutput::append(ZmtpChunks& chunks, std::span<const OutFrame> frames) {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    append_frame(chunks, frames[i], i + 1 < frames.size());
  }
  ++chunks_.back().messages;
  ++messages_;
}

void ZmtpOutput::append_bytes(ZmtpChunks& chunks, std::string_view bytes, std::uint32_t messages) {
  room_for(chunks, bytes.size()) += bytes;
  bytes_ += bytes.size();
  chunks_.back().messages += messages;
  messages_ += messages;
}

ZmtpOutput::Written ZmtpOutput::write(ZmtpChunks& chunks, int fd) {
  while (bytes_ != 0) {
    std::array<iovec, pieces_max> pieces;
    std::size_t count = 0;
    std::size_t asked = 0;
    for (const ZmtpChunk& chunk : chunks_) {
      if (count == pieces.size()) break;
      const auto text = chunk.text().substr(count == 0 ? first_sent_ : 0);
      // The kernel only reads it; the interface predates const.
      pieces.at(count++) = {const_cast<char*>(text.data()), text.size()};
      asked += text.size();
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    const auto sent = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN || errno == ENOBUFS ? Written::some : Written::broken;
    wrote(chunks, static_cast<std::size_t>(sent));
    if (static_cast<std::size_t>(sent) < asked) return Written::some;
  }
  return Written::all;
}

void ZmtpOutput::wrote(ZmtpChunks& chunks, std::size_t bytes) {
  bytes_ -= bytes;
  first_sent_ += bytes;
  while (!chunks_.empty() && first_sent_ >= chunks_.front().text().size()) {
    first_sent_ -= chunks_.front().text().size();
    messages_ -= chunks_.front().messages;
    chunks.take_first(chunks_);
  }
}

void ZmtpOutput::clear(ZmtpChunks& chunks) {
  while (!chunks_.empty()) chunks.take_first(chunks_);
  first_sent_ = 0;
  bytes_ = 0;
  messages_ = 0;
}

}  // namespace backstage::gateway
