#include "daemon/ctl/template.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace backstage::ctl {
namespace {

constexpr std::size_t id_bytes_max = 40;
// Targets that CMake and its generators make themselves.
constexpr std::array<std::string_view, 10> kept{
    "all",     "clean",          "edit_cache",    "help", "install",
    "package", "package_source", "rebuild_cache", "test", "backstage"};

bool is_lower(char byte) { return byte >= 'a' && byte <= 'z'; }
bool is_rest(char byte) { return is_lower(byte) || (byte >= '0' && byte <= '9') || byte == '_'; }

std::string type_name(std::string_view name) {
  std::string type;
  bool is_start = true;
  for (const char byte : name) {
    if (byte != '_')
      type += is_start && is_lower(byte) ? static_cast<char>(byte - 'a' + 'A') : byte;
    is_start = byte == '_';
  }
  // So that no name becomes a type of the language: string, option, self.
  return type + "Actor";
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Outcome<void> check_name(std::string_view name) {
  const auto refuse = [name](std::string why) {
    return std::unexpected(Fault{exit_code::usage,
                                 "CTL-102",
                                 fmt::format("\"{}\" cannot be the name of a plugin", name),
                                 {},
                                 std::move(why),
                                 "choose a name such as order_book"});
  };
  if (name.empty() || !is_lower(name.front()) || !std::ranges::all_of(name, is_rest)) {
    return refuse("a name is a lower-case letter, then lower-case letters, digits and _");
  }
  if (name.size() > id_bytes_max) {
    return refuse(fmt::format("it has {} characters, {} at most", name.size(), id_bytes_max));
  }
  if (std::ranges::find(kept, name) != kept.end())
    return refuse("CMake keeps that word for itself");
  return {};
}

std::string fill(std::string text, std::string_view name) {
  replace_all(text, "MyActor", type_name(name));
  replace_all(text, "my_actor", name);
  return text;
}

}  // namespace backstage::ctl
