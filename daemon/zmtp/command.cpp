#include "daemon/zmtp/command.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "daemon/zmtp/frame.hpp"

namespace backstage::zmtp {
namespace {

using namespace std::string_view_literals;
using Kind = Command::Kind;

constexpr std::array<std::pair<std::string_view, Kind>, 6> kinds{{
    {"READY", Kind::ready},
    {"ERROR", Kind::error},
    {"PING", Kind::ping},
    {"PONG", Kind::pong},
    {"SUBSCRIBE", Kind::subscribe},
    {"CANCEL", Kind::cancel},
}};
constexpr std::size_t ping_ttl_bytes = 2;
constexpr std::size_t ping_context_bytes_max = 16;
constexpr auto ttl_unit = std::chrono::milliseconds{100};
constexpr std::size_t property_length_bytes = 4;

bool is_same_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

void append_command(std::string& out, std::string_view name, std::string_view data) {
  out += command_header(1 + name.size() + data.size()).text();
  out += static_cast<char>(name.size());
  out += name;
  out += data;
}

// Takes `count` bytes off the front of `bytes`; nothing when there are fewer.
std::optional<std::string_view> take(std::string_view& bytes, std::size_t count) noexcept {
  if (bytes.size() < count) return std::nullopt;
  const auto taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

std::size_t number_of(std::string_view bytes) noexcept {
  std::size_t number = 0;
  for (const char c : bytes) number = number << 8U | static_cast<std::uint8_t>(c);
  return number;
}

}  // namespace

Command parse_command(std::string_view body) noexcept {
  if (body.empty()) return {};
  const auto length = static_cast<std::uint8_t>(body[0]);
  body.remove_prefix(1);
  const auto name = take(body, length);
  if (!name || name->empty()) return {};
  const auto* const found =
      std::ranges::find(kinds, *name, &std::pair<std::string_view, Kind>::first);
  return {found == kinds.end() ? Kind::unknown : found->second, body};
}

std::optional<Ready> parse_ready(std::string_view data) noexcept {
  Ready ready;
  while (!data.empty()) {
    const auto name_length = take(data, 1);
    const auto name = take(data, number_of(*name_length));
    if (!name || name->empty()) return std::nullopt;
    const auto value_length = take(data, property_length_bytes);
    if (!value_length) return std::nullopt;
    const auto value = take(data, number_of(*value_length));
    if (!value) return std::nullopt;
    if (is_same_name(*name, "Socket-Type")) ready.socket_type = *value;
    if (is_same_name(*name, "Identity")) ready.identity = *value;
  }
  return ready;
}

std::optional<Ping> parse_ping(std::string_view data) noexcept {
  const auto ttl = take(data, ping_ttl_bytes);
  if (!ttl || data.size() > ping_context_bytes_max) return std::nullopt;
  return Ping{ttl_unit * number_of(*ttl), data};
}

void append_ready(std::string& out, std::string_view socket_type) {
  std::string data("\x0bSocket-Type\0\0\0"sv);
  data += static_cast<char>(socket_type.size());
  data += socket_type;
  append_command(out, "READY", data);
}

void append_error(std::string& out, std::string_view reason) {
  std::string data(1, static_cast<char>(reason.size()));
  data += reason;
  append_command(out, "ERROR", data);
}

void append_ping(std::string& out, std::chrono::milliseconds ttl) {
  const auto units = static_cast<std::uint16_t>(ttl / ttl_unit);
  const std::array data{static_cast<char>(units >> 8U), static_cast<char>(units)};
  append_command(out, "PING", {data.data(), data.size()});
}

void append_pong(std::string& out, std::string_view context) {
  append_command(out, "PONG", context);
}

}  // namespace backstage::zmtp
