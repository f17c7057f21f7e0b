#include "daemon/zmtp/handshake.hpp"

#include <algorithm>
#include <array>

#include "daemon/zmtp/command.hpp"
#include "daemon/zmtp/frame.hpp"

namespace backstage::zmtp {
namespace {

// Where things are in a greeting.
constexpr std::size_t signature_end_at = 9;
constexpr std::size_t major_at = 10;
constexpr std::size_t minor_at = 11;
constexpr std::size_t mechanism_at = 12;
constexpr std::size_t mechanism_bytes = 20;

constexpr char signature_first = '\xff';
constexpr char signature_last = '\x7f';
constexpr char major_spoken = 3;
constexpr std::string_view mechanism_spoken = "NULL";

constexpr auto our_greeting = [] {
  std::array<char, greeting_bytes> made{};
  made[0] = signature_first;
  made[signature_end_at] = signature_last;
  made[major_at] = major_spoken;
  made[minor_at] = 1;
  std::ranges::copy(mechanism_spoken, made.begin() + mechanism_at);
  return made;
}();

bool is_null(std::string_view mechanism) noexcept {
  return mechanism.starts_with(mechanism_spoken) &&
         mechanism.find_first_not_of('\0', mechanism_spoken.size()) == std::string_view::npos;
}

}  // namespace

std::string_view greeting() noexcept { return {our_greeting.data(), our_greeting.size()}; }

std::size_t Handshake::read(std::string_view bytes) {
  std::size_t used = 0;
  if (state_ == State::open && !is_greeted_) used = read_greeting(bytes);
  if (state_ == State::open && is_greeted_) used += read_ready(bytes.substr(used));
  return used;
}

// As soon as it can be told that it is none: who speaks an older version waits for our answer.
std::size_t Handshake::read_greeting(std::string_view bytes) {
  if (!bytes.empty() && bytes[0] != signature_first) return refuse("it does not speak ZMTP 3");
  if (bytes.size() > signature_end_at && bytes[signature_end_at] != signature_last) {
    return refuse("it does not speak ZMTP 3");
  }
  if (bytes.size() > major_at && bytes[major_at] < major_spoken) {
    return refuse("its ZMTP is older than 3.0, of libzmq 4.0");
  }
  if (bytes.size() < greeting_bytes) return 0;
  if (!is_null(bytes.substr(mechanism_at, mechanism_bytes))) {
    return refuse("this endpoint speaks NULL only, and it wants another mechanism");
  }
  has_heartbeats_ = bytes[major_at] > major_spoken || bytes[minor_at] >= 1;
  is_greeted_ = true;
  return greeting_bytes;
}

std::size_t Handshake::read_ready(std::string_view bytes) {
  const Header header = parse_header(bytes);
  if (header.state == Header::State::broken) return refuse("its greeting is followed by no frame");
  if (header.state == Header::State::incomplete) return 0;
  if (!header.is_command) return refuse("it sends messages before READY");
  if (header.body_bytes > ready_bytes_max) return refuse("its READY is too long");
  if (bytes.size() < header.bytes + header.body_bytes) return 0;
  const auto command = parse_command(bytes.substr(header.bytes, header.body_bytes));
  if (command.kind == Command::Kind::error) return refuse("it refuses us");
  if (command.kind != Command::Kind::ready) return refuse("it sends another command than READY");
  const auto ready = parse_ready(command.data);
  if (!ready) return refuse("its READY cannot be read");
  socket_type_ = ready->socket_type;
  has_identity_ = !ready->identity.empty();
  state_ = State::done;
  return header.bytes + header.body_bytes;
}

std::size_t Handshake::refuse(std::string_view why) noexcept {
  state_ = State::refused;
  why_ = why;
  return 0;
}

}  // namespace backstage::zmtp
