#include "daemon/transport/zmtp_output.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/values/short_copy.hpp"
#include "daemon/zmtp/frame.hpp"

namespace backstage::transport {
namespace {

constexpr std::size_t chunk_bytes = 8'192;
// Of chunks kept for later: 2 MiB.
constexpr std::size_t free_chunks_max = 256;
// Of one call.
constexpr std::size_t pieces_max = 32;

// In one go: piece by piece it took three times as long.
void encode_frame(std::string& out, const OutFrame& frame, bool has_more) {
  const std::size_t body_bytes = frame.size();
  const std::size_t begin = out.size();
  const auto header = zmtp::message_header(body_bytes, has_more);
  const std::size_t end = begin + header.size + body_bytes;
  // libstdc++ 12 tells the new capacity for the size when it has to grow.
  out.resize_and_overwrite(end, [&](char* data, std::size_t /*size*/) {
    char* at = data + begin;
    std::copy_n(header.bytes.data(), header.size, at);
    at += header.size;
    copy_mostly_short(at, frame.bytes.data(), frame.bytes.size());
    if (!frame.rest) return end;
    at += frame.bytes.size();
    *at = '\n';
    copy_mostly_short(at + 1, frame.rest->data(), frame.rest->size());
    return end;
  });
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
  const std::size_t size = frame.size();
  if (!frame.is_shared()) {
    std::string& out = room_for(chunks, size + zmtp::header_bytes_max);
    const std::size_t before = out.size();
    encode_frame(out, frame, has_more);
    bytes_ += out.size() - before;
    return;
  }
  bytes_ += size + zmtp::message_header(size, has_more).size;
  room_for(chunks, zmtp::header_bytes_max) += zmtp::message_header(size, has_more).text();
  ZmtpChunk& chunk = chunks.append_to(chunks_, 0);
  frame.buffer->ref();
  chunk.shared = Payload::adopt(frame.buffer);
  chunk.view = frame.bytes;
}

void ZmtpOutput::append(ZmtpChunks& chunks, std::span<const OutFrame> frames) try {
  for (std::size_t i = 0; i < frames.size(); ++i) {
    append_frame(chunks, frames[i], i + 1 < frames.size());
  }
  ++chunks_.back().messages;
  ++messages_;
} catch (...) {
  give_up(chunks);
  throw;
}

void ZmtpOutput::append_bytes(ZmtpChunks& chunks, std::string_view bytes,
                              std::uint32_t messages) try {
  room_for(chunks, bytes.size()) += bytes;
  bytes_ += bytes.size();
  chunks_.back().messages += messages;
  messages_ += messages;
} catch (...) {
  give_up(chunks);
  throw;
}

// Half a message may have gone: whatever followed would be taken for the rest of it.
void ZmtpOutput::give_up(ZmtpChunks& chunks) {
  clear(chunks);
  is_broken_ = true;
}

ZmtpOutput::Written ZmtpOutput::write(ZmtpChunks& chunks, int fd) {
  if (is_broken_) return Written::broken;
  while (!chunks_.empty()) {
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

}  // namespace backstage::transport
