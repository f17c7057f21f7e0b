// Many cheap clients in one thread: ZMTP 3.0 by hand (rfc.zeromq.org/spec/23), counted with epoll.
// Keeps the cost of a client library out of what is measured of a broker.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/give_up.hpp"

namespace backstage::bench {

/// One connection of the NULL mechanism. Blocking; ends the program when the peer does not answer.
class Zmtp {
 public:
  Zmtp(long port, std::string_view socket_type) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_ < 0 || ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address)) {
      give_up("a connection", std::strerror(errno), "is the broker there? see `ulimit -n`");
    }
    const int on = 1;
    (void)::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::string greeting(64, '\0');
    greeting[0] = '\xff';
    greeting[9] = '\x7f';
    greeting[10] = '\3';
    greeting.replace(12, 4, "NULL");
    put(greeting);
    constexpr std::string_view name = "Socket-Type";
    std::string ready("\5READY");
    ready.append(1, static_cast<char>(name.size())).append(name).append(3, '\0');
    ready.append(1, static_cast<char>(socket_type.size())).append(socket_type);
    put(std::string("\4").append(1, static_cast<char>(ready.size())) + ready);
    (void)take(greeting.size());
    (void)next_frame();
  }
  Zmtp(Zmtp&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Zmtp& operator=(Zmtp&&) = delete;
  ~Zmtp() {
    if (socket_ >= 0) ::close(socket_);
  }

  /// A message of one frame, of at most 255 bytes.
  void send(std::string_view body) const {
    put(std::string(1, '\0').append(1, static_cast<char>(body.size())).append(body));
  }
  [[nodiscard]] std::string next_frame() const {
    const std::string head = take(2);
    return take(static_cast<unsigned char>(head[1]));
  }
  [[nodiscard]] int socket() const noexcept { return socket_; }

 private:
  void put(std::string_view bytes) const {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) give_up("a connection", std::strerror(errno), "did the broker end?");
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  [[nodiscard]] std::string take(std::size_t size) const {
    std::string bytes(size, '\0');
    for (std::size_t got = 0; got < size;) {
      const auto more = ::recv(socket_, bytes.data() + got, size - got, 0);
      if (more <= 0) give_up("a connection", std::strerror(errno), "did the broker end?");
      got += static_cast<std::size_t>(more);
    }
    return bytes;
  }

  int socket_;
};

/// Counts the messages in a stream of frames: `BATCH n` as n, what the broker itself publishes
/// (`$sys/...`) not at all.
class MessageCount {
 public:
  void read(std::string_view bytes) {
    while (!bytes.empty()) {
      if (body_left_ == 0) {
        bytes.remove_prefix(read_head(bytes));
        continue;
      }
      const std::size_t here = std::min<std::uint64_t>(bytes.size(), body_left_);
      if (is_first_) beginning_.append(bytes.substr(0, std::min(here, room())));
      body_left_ -= here;
      bytes.remove_prefix(here);
      if (body_left_ == 0) end_frame();
    }
  }
  [[nodiscard]] long messages() const noexcept { return messages_; }

 private:
  static constexpr std::size_t beginning_max = 16;
  [[nodiscard]] std::size_t room() const noexcept { return beginning_max - beginning_.size(); }

  std::size_t read_head(std::string_view bytes) {
    std::size_t taken = 0;
    while (taken < bytes.size() && head_.size() < head_size()) head_.push_back(bytes[taken++]);
    if (head_.size() < head_size()) return taken;
    for (std::size_t i = 1; i < head_.size(); ++i) {
      body_left_ = body_left_ << 8U | static_cast<unsigned char>(head_[i]);
    }
    has_more_ = (head_[0] & 1) != 0;
    head_.clear();
    if (body_left_ == 0) end_frame();
    return taken;
  }
  [[nodiscard]] std::size_t head_size() const noexcept {
    return head_.empty() || (head_[0] & 2) == 0 ? 2 : 9;
  }
  void end_frame() {
    if (is_first_) {
      constexpr std::string_view batch = "BATCH ";
      long count = beginning_.starts_with("$") ? 0 : 1;
      if (beginning_.starts_with(batch)) {
        (void)std::from_chars(beginning_.data() + batch.size(),
                              beginning_.data() + beginning_.size(), count);
      }
      messages_ += count;
      beginning_.clear();
    }
    is_first_ = !has_more_;
  }

  std::string head_;
  std::string beginning_;
  std::uint64_t body_left_ = 0;
  long messages_ = 0;
  bool has_more_ = false;
  bool is_first_ = true;
};

/// Reads until each connection has had `messages`. Ends the program when nothing comes for long.
inline void drain(const std::vector<Zmtp>& connections, long messages) {
  constexpr int patience_ms = 30'000;
  const int poll = ::epoll_create1(0);
  std::vector<MessageCount> counts(connections.size());
  for (std::size_t i = 0; i < connections.size(); ++i) {
    (void)::fcntl(connections[i].socket(), F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    (void)::epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].socket(), &event);
  }
  std::vector<char> buffer(std::size_t{1} << 18U);
  std::array<epoll_event, 256> events{};
  for (std::size_t open = connections.size(); open > 0;) {
    const int ready = ::epoll_wait(poll, events.data(), events.size(), patience_ms);
    if (ready <= 0) give_up("a subscriber", "messages are missing", "look at the broker's stats");
    for (int i = 0; i < ready; ++i) {
      const std::size_t which = events[static_cast<std::size_t>(i)].data.u64;
      const auto got = ::recv(connections[which].socket(), buffer.data(), buffer.size(), 0);
      if (got < 0 && errno == EAGAIN) continue;
      if (got <= 0)
        give_up("a subscriber", "its connection was closed", "look at the broker's log");
      const bool was_short = counts[which].messages() < messages;
      counts[which].read({buffer.data(), static_cast<std::size_t>(got)});
      if (was_short && counts[which].messages() >= messages) --open;
    }
  }
  ::close(poll);
}

}  // namespace backstage::bench
