// Grammar of the config's special strings.
#include "daemon/config/schema_kinds.hpp"

#include <fmt/format.h>
#include <grp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "core/values/names.hpp"
#include "core/values/pattern.hpp"
#include "daemon/policy/acl.hpp"

namespace backstage::config {
namespace {

using Fault = std::optional<KindFault>;

constexpr std::size_t plugin_id_bytes_max = 64;

template <class Number>
bool read_number(std::string_view text, Number& number) noexcept {
  if (text.empty() || text[0] == '-' || (text[0] == '0' && text.size() > 1)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

Fault judge_duration(std::string_view text, KindBounds bounds) {
  const auto value = parse_duration(text);
  if (!value) {
    return KindFault{
        "CFG-208", "is not a duration",
        "a whole number and a unit without a space: \"250ms\", \"10s\", \"5m\", \"1h\""};
  }
  const auto minimum = parse_duration(bounds.minimum);
  const auto maximum = parse_duration(bounds.maximum);
  if (minimum && *value < *minimum) {
    return KindFault{"CFG-204", fmt::format("is below the minimum \"{}\"", bounds.minimum), ""};
  }
  if (maximum && *value > *maximum) {
    return KindFault{"CFG-204", fmt::format("is above the maximum \"{}\"", bounds.maximum), ""};
  }
  return {};
}

Fault judge_name(std::string_view text, bool legal, std::string_view noun) {
  if (is_reserved(text)) {
    return KindFault{"CFG-210", "is reserved: names that begin with '$' belong to the daemon",
                     "choose a name without the '$'"};
  }
  if (legal) return {};
  return KindFault{"CFG-209", fmt::format("is not {}", noun),
                   "1 to 64 of A-Z a-z 0-9 . _ : - ; any other byte as %XX, such as %20"};
}

Fault judge_actor_name(std::string_view text, KindBounds) {
  return judge_name(text, is_actor_name(text), "an actor name");
}
Fault judge_type_name(std::string_view text, KindBounds) {
  return judge_name(text, is_type_name(text), "an actor type");
}

Fault judge_plugin_id(std::string_view text, KindBounds) {
  const bool legal = !text.empty() && text.size() <= plugin_id_bytes_max && text[0] != '.' &&
                     text[0] != '-' && std::ranges::all_of(text, [](char c) {
                       return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                              (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
                     });
  if (legal) return {};
  return KindFault{"CFG-209", "is not a plugin id",
                   "1 to 64 of A-Z a-z 0-9 . _ - , not beginning with . or -"};
}

Fault judge_topic_pattern(std::string_view text, KindBounds) {
  if (Pattern::parse(text)) return {};
  return KindFault{"CFG-211", "is not a topic pattern",
                   "actor/topic, where * is one token, a final > the rest, and * alone any actor: "
                   "\"feed/md.*.delta\", \"*/md.>\""};
}

Fault judge_name_pattern(std::string_view text, KindBounds) {
  if (is_reserved(text)) return judge_name(text, false, "");
  if (captures_of(text)) return {};
  return KindFault{"CFG-212", "is not a name pattern",
                   "an actor name in which {1} to {9} each stand for one part, with text between "
                   "them and each used once: \"book:{1}\", \"book:{1}:{2}\""};
}

Fault judge_path(std::string_view text, std::string_view remedy) {
  if (text.find('\0') == std::string_view::npos) return {};
  return KindFault{"CFG-213", "is not a path: it holds a NUL", std::string(remedy)};
}

Fault judge_directory(std::string_view text, KindBounds) {
  return judge_path(text, "write a directory");
}

Fault judge_file_mode(std::string_view text, KindBounds) {
  const bool octal = text.size() == 4 && text[0] == '0' &&
                     std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '7'; });
  if (octal && (text[1] == '6' || text[1] == '7')) return {};
  return KindFault{"CFG-214", "is not the mode of a socket",
                   "four octal digits, the owner with read and write: \"0600\" for the daemon's "
                   "user alone, \"0660\" with a group, \"0666\" for every local user"};
}

Fault judge_group(std::string_view text, KindBounds) {
  const std::string name{text};
  // Threads that may look up groups do not exist yet when a config is read.
  if (text.find('\0') == std::string_view::npos && ::getgrnam(name.c_str()) != nullptr) return {};
  return KindFault{"CFG-215", "is no group of this machine",
                   "`getent group` lists them; `groupadd` makes one"};
}

Fault judge_endpoint(std::string_view text, KindBounds) {
  if (parse_endpoint(text)) return {};
  return KindFault{"CFG-216", "is not an endpoint",
                   "tcp://127.0.0.1:PORT (1 to 65535, or * for any free port), "
                   "ipc:///absolute/path or ipc://{runtime_dir}/name"};
}

Fault judge_file(std::string_view text, KindBounds) {
  return judge_path(text, "write the path of a file");
}

Fault judge_acl_user(std::string_view text, KindBounds) {
  if (policy::is_user_glob(text)) return {};
  return KindFault{"CFG-218", "is no principal",
                   "curve:NAME, unix:UID, tcp:local or tcp:remote; * stands for any part: "
                   "\"curve:dash*\", \"*\""};
}

Fault judge_acl_entry(std::string_view text, KindBounds) {
  const auto entry = policy::parse_entry(text);
  if (entry) return {};
  return KindFault{"CFG-219", fmt::format("is no right: {}", entry.error()),
                   "\"*\", or one of send req pub sub get watch name admin sync ingest, alone or "
                   "with where: \"send:counter\", \"sub:sensors/*\", \"name:desk*\""};
}

Fault judge_sha256(std::string_view text, KindBounds) {
  constexpr std::size_t digits = 64;
  const bool legal =
      text.size() == digits && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
      });
  if (legal) return {};
  return KindFault{"CFG-217", "is not a SHA-256",
                   "64 hex digits, as `sha256sum FILE` and the plugin's refusal print them"};
}

struct Kind {
  std::string_view name;
  Fault (*judge)(std::string_view, KindBounds);
};
constexpr std::array<Kind, 14> table{{{"duration", judge_duration},
                                      {"file", judge_file},
                                      {"acl_user", judge_acl_user},
                                      {"acl_entry", judge_acl_entry},
                                      {"actor_name", judge_actor_name},
                                      {"type_name", judge_type_name},
                                      {"plugin_id", judge_plugin_id},
                                      {"topic_pattern", judge_topic_pattern},
                                      {"name_pattern", judge_name_pattern},
                                      {"directory", judge_directory},
                                      {"file_mode", judge_file_mode},
                                      {"group", judge_group},
                                      {"endpoint", judge_endpoint},
                                      {"sha256", judge_sha256}}};

bool is_ipc_path(std::string_view path) noexcept {
  if (path.find('\0') != std::string_view::npos) return false;
  if (path.starts_with(runtime_dir_mark)) path.remove_prefix(runtime_dir_mark.size());
  // A path that ends in '/' names no socket; braces elsewhere are a misspelt mark.
  return path.size() > 1 && path.front() == '/' && path.back() != '/' &&
         path.find_first_of("{}") == std::string_view::npos;
}

bool is_host(std::string_view host) noexcept {
  return !host.empty() && host.size() <= 255 && std::ranges::all_of(host, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '*' || c == '%';
  });
}

}  // namespace

std::optional<KindFault> judge_kind(std::string_view kind, std::string_view text,
                                    KindBounds bounds) {
  const auto found = std::ranges::find(table, kind, &Kind::name);
  if (found == table.end()) throw std::logic_error("unknown x-kind: " + std::string{kind});
  return found->judge(text, bounds);
}

std::vector<std::string_view> kinds() {
  std::vector<std::string_view> names;
  names.reserve(table.size());
  for (const Kind& kind : table) names.push_back(kind.name);
  return names;
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  struct TimeUnit {
    std::string_view name;
    std::int64_t milliseconds;
  };
  constexpr std::array<TimeUnit, 4> units{
      {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}}};
  constexpr std::int64_t most = 100LL * 366 * 24 * 3'600'000;
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto unit = std::ranges::find(units, text.substr(digits), &TimeUnit::name);
  std::int64_t number = 0;
  if (unit == units.end() || !read_number(text.substr(0, digits), number)) return {};
  if (number > most / unit->milliseconds) return {};
  return std::chrono::milliseconds{number * unit->milliseconds};
}

std::optional<EndpointParts> parse_endpoint(std::string_view text) {
  EndpointParts parts;
  if (text.starts_with("ipc://")) {
    parts.is_ipc = true;
    parts.path = text.substr(6);
    return is_ipc_path(parts.path) ? std::optional{parts} : std::nullopt;
  }
  if (!text.starts_with("tcp://")) return {};
  text.remove_prefix(6);
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return {};
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!is_host(host) || (!bracketed && host.find(':') != std::string_view::npos)) return {};
  if (port != "*" && (!read_number(port, parts.port) || parts.port == 0)) return {};
  parts.host = host;
  return parts;
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  int octets = 0;
  bool first_is_127 = false;
  while (octets < 5) {
    const auto dot = std::min(host.find('.'), host.size());
    std::uint8_t octet = 0;
    if (!read_number(host.substr(0, dot), octet)) return false;
    if (octets++ == 0) first_is_127 = octet == 127;
    if (dot == host.size()) break;
    host.remove_prefix(dot + 1);
  }
  return first_is_127 && octets == 4;
}

std::optional<std::vector<int>> captures_of(std::string_view name_pattern) {
  std::vector<int> numbers;
  std::string probe;
  bool after_capture = false;
  for (std::size_t i = 0; i < name_pattern.size(); ++i) {
    const char c = name_pattern[i];
    if (c != '{') {
      probe += c;
      after_capture = false;
      continue;
    }
    const bool closed = i + 2 < name_pattern.size() && name_pattern[i + 2] == '}';
    const int number = closed ? name_pattern[i + 1] - '0' : 0;
    if (number < 1 || number > 9 || after_capture || std::ranges::count(numbers, number) != 0) {
      return {};
    }
    numbers.push_back(number);
    // One byte stands for the shortest part, so that the rest is judged as the name it will be.
    probe += 'x';
    after_capture = true;
    i += 2;
  }
  if (!is_actor_name(probe)) return {};
  return numbers;
}

}  // namespace backstage::config
