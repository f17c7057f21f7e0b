#include "daemon/zmtp/frame.hpp"

namespace backstage::zmtp {
namespace {

constexpr std::uint8_t more_flag = 1;
constexpr std::uint8_t long_flag = 2;
constexpr std::uint8_t command_flag = 4;
constexpr std::uint8_t known_flags = more_flag | long_flag | command_flag;
constexpr std::size_t short_header_bytes = 2;

HeaderText header(std::size_t body_bytes, std::uint8_t flags) noexcept {
  HeaderText made{};
  if (body_bytes <= short_body_bytes_max) {
    made.bytes[0] = static_cast<char>(flags);
    made.bytes[1] = static_cast<char>(body_bytes);
    made.size = short_header_bytes;
    return made;
  }
  made.bytes[0] = static_cast<char>(flags | long_flag);
  for (std::size_t i = 1; i < header_bytes_max; ++i) {
    made.bytes[i] = static_cast<char>(body_bytes >> (8 * (header_bytes_max - 1 - i)));
  }
  made.size = header_bytes_max;
  return made;
}

}  // namespace

Header parse_header(std::string_view bytes) noexcept {
  Header made;
  if (bytes.empty()) return made;
  const auto flags = static_cast<std::uint8_t>(bytes[0]);
  // libzmq 4.3.3 and 4.3.4 forget the flag where a command's name makes a short body long (their
  // filters of 246 to 255 bytes), and write eight bytes of length. No command is empty.
  const bool forgets_flag = flags == command_flag && bytes.size() > 1 && bytes[1] == '\0';
  const bool is_long = (flags & long_flag) != 0 || forgets_flag;
  made.has_more = (flags & more_flag) != 0;
  made.is_command = (flags & command_flag) != 0;
  if ((flags & ~known_flags) != 0 || (made.has_more && made.is_command)) {
    made.state = Header::State::broken;
    return made;
  }
  made.bytes = is_long ? header_bytes_max : short_header_bytes;
  if (bytes.size() < made.bytes) return made;
  for (std::size_t i = 1; i < made.bytes; ++i) {
    made.body_bytes = made.body_bytes << 8U | static_cast<std::uint8_t>(bytes[i]);
  }
  made.state = Header::State::whole;
  return made;
}

HeaderText message_header(std::size_t body_bytes, bool has_more) noexcept {
  return header(body_bytes, has_more ? more_flag : 0);
}

HeaderText command_header(std::size_t body_bytes) noexcept {
  return header(body_bytes, command_flag);
}

}  // namespace backstage::zmtp
