// Reads the note's fixed header, then its keys, then holds their values against the grammar.
#include "daemon/plugin_gate/note.hpp"

#include <algorithm>
#include <string_view>

#include "backstage/plugin.h"
#include "core/values/names.hpp"
#include "daemon/plugin_gate/image.hpp"
#include "daemon/plugin_gate/refuse.hpp"

namespace backstage::plugin_gate {
namespace {

static_assert(note_version == BS_NOTE_VERSION);
static_assert(AbiOffer{}.major == BS_ABI_MAJOR && AbiOffer{}.minor == BS_ABI_MINOR);
static_assert(note_header_bytes == sizeof(bs_note_head) - offsetof(bs_note_head, note_version));

constexpr std::size_t id_bytes_max = 64;
constexpr std::size_t version_bytes_max = 32;
constexpr std::size_t label_bytes_max = 64;

Refused bad_note(std::string cause) {
  return refuse(Code::note_malformed, std::move(cause),
                "rebuild it with the SDK's BACKSTAGE_PLUGIN or BS_NOTE_C macro");
}

bool is_alnum(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool consists_of_alnum_and(std::string_view text, std::string_view extra) noexcept {
  return std::ranges::all_of(
      text, [extra](char c) { return is_alnum(c) || extra.find(c) != std::string_view::npos; });
}

// The id becomes part of a file name, hence no separator and no leading dot or dash.
bool is_id(std::string_view text) noexcept {
  return !text.empty() && text.size() <= id_bytes_max && text.front() != '.' &&
         text.front() != '-' && consists_of_alnum_and(text, "._-");
}

bool is_version(std::string_view text) noexcept {
  return !text.empty() && text.size() <= version_bytes_max && text.front() >= '0' &&
         text.front() <= '9' && consists_of_alnum_and(text, ".+~-");
}

bool is_label(std::string_view text) noexcept {
  return text.size() <= label_bytes_max &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

// The texts of the note by key; views into the image.
struct Keys {
  std::string_view id, version, types, sdk, lang;
  std::vector<std::string_view> seen;
};

std::string_view* known(Keys& keys, std::string_view key) noexcept {
  if (key == "id") return &keys.id;
  if (key == "version") return &keys.version;
  if (key == "types") return &keys.types;
  if (key == "sdk") return &keys.sdk;
  if (key == "lang") return &keys.lang;
  return nullptr;
}

std::expected<Keys, Rejection> read_keys(std::string_view text) {
  Keys keys;
  // Compilers round the note up with NULs; those carry nothing.
  const auto last = text.find_last_not_of('\0');
  if (last == std::string_view::npos) return keys;
  if (last + 1 == text.size()) {
    return bad_note("its note ends inside a key=value text");
  }
  text = text.substr(0, last + 2);
  while (!text.empty()) {
    const auto item = text.substr(0, text.find('\0'));
    text.remove_prefix(item.size() + 1);
    const auto equals = item.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return bad_note(fmt::format("its note has '{}' where key=value should be", printable(item)));
    }
    const auto key = item.substr(0, equals);
    if (std::ranges::find(keys.seen, key) != keys.seen.end()) {
      return bad_note(fmt::format("its note has the key '{}' twice", printable(key)));
    }
    if (keys.seen.size() == note_keys_max) {
      return bad_note(fmt::format("its note has more than {} keys", note_keys_max));
    }
    keys.seen.push_back(key);
    if (auto* slot = known(keys, key)) *slot = item.substr(equals + 1);
  }
  return keys;
}

std::expected<std::vector<std::string>, Rejection> read_types(std::string_view text) {
  std::vector<std::string> types;
  if (text.empty()) {
    return refuse(Code::bad_types, "its note names no actor type",
                  "list at least one actor type in BACKSTAGE_PLUGIN");
  }
  while (true) {
    const auto name = text.substr(0, text.find(';'));
    if (!is_type_name(name) || is_reserved(name)) {
      return refuse(Code::bad_types,
                    fmt::format("its note names the actor type '{}', which is no legal name",
                                printable(name)),
                    "use 1 to 64 of A-Z a-z 0-9 . _ : - for type names");
    }
    if (std::ranges::find(types, name) != types.end()) {
      return refuse(Code::bad_types, fmt::format("its note names the actor type '{}' twice", name),
                    "give each actor type its own name");
    }
    if (types.size() == types_max) {
      return refuse(Code::bad_types, fmt::format("it has more than {} actor types", types_max),
                    "split it into several plugins");
    }
    types.emplace_back(name);
    if (name.size() == text.size()) return types;
    text.remove_prefix(name.size() + 1);
  }
}

Checked check_abi(const Manifest& manifest, AbiOffer offer) {
  const auto cause = fmt::format("it needs ABI {}.{}, the daemon has {}.{}", manifest.abi_major,
                                 manifest.abi_minor_required, offer.major, offer.minor);
  if (manifest.abi_major > offer.major ||
      (manifest.abi_major == offer.major && manifest.abi_minor_required > offer.minor)) {
    const auto code = manifest.abi_major == offer.major ? Code::abi_minor : Code::abi_major;
    return refuse(code, cause, "upgrade backstaged or build the plugin against an older SDK");
  }
  if (manifest.abi_major < offer.major) {
    return refuse(Code::abi_major, cause, "build the plugin again with the daemon's SDK");
  }
  return {};
}

Checked take_keys(const Keys& keys, Manifest& manifest) {
  if (!is_id(keys.id)) {
    return refuse(Code::bad_id, fmt::format("its id '{}' is not legal", printable(keys.id)),
                  "use 1 to 64 of A-Z a-z 0-9 . _ - for the id, beginning with none of . -");
  }
  if (!is_version(keys.version)) {
    return refuse(Code::bad_version,
                  fmt::format("its version '{}' is not legal", printable(keys.version)),
                  "use a version like 1.2.0: a digit, then up to 31 of A-Z a-z 0-9 . + ~ -");
  }
  if (!is_label(keys.sdk) || !is_label(keys.lang)) {
    return bad_note("its note's sdk or lang text is not printable or too long");
  }
  auto types = read_types(keys.types);
  if (!types) return Refused(std::move(types.error()));
  manifest.types = std::move(*types);
  manifest.id = keys.id;
  manifest.version = keys.version;
  manifest.sdk = keys.sdk;
  manifest.lang = keys.lang;
  return {};
}

}  // namespace

std::expected<Manifest, Rejection> read_note(std::span<const std::byte> desc, AbiOffer offer) {
  if (desc.size() < note_header_bytes || desc.size() > note_bytes_max) {
    return bad_note(fmt::format("its note has {} bytes, allowed are {} to {}", desc.size(),
                                note_header_bytes, note_bytes_max));
  }
  const Image fixed{desc.first(note_header_bytes)};
  const auto version = *fixed.read<std::uint32_t>(0);
  if (version != note_version) {
    return refuse(
        Code::note_version,
        fmt::format("its note has format {}, the daemon reads format {}", version, note_version),
        "upgrade backstaged or build the plugin against an older SDK");
  }
  Manifest manifest;
  manifest.abi_major = *fixed.read<std::uint16_t>(4);
  manifest.abi_minor_required = *fixed.read<std::uint16_t>(6);
  manifest.flags = *fixed.read<std::uint32_t>(8);
  if (auto abi = check_abi(manifest, offer); !abi) return Refused(std::move(abi.error()));

  const auto rest = desc.subspan(note_header_bytes);
  const auto keys = read_keys({reinterpret_cast<const char*>(rest.data()), rest.size()});
  if (!keys) return Refused(keys.error());
  if (auto taken = take_keys(*keys, manifest); !taken) return Refused(std::move(taken.error()));
  return manifest;
}

}  // namespace backstage::plugin_gate
