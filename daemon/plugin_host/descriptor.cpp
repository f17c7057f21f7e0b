// Copies, checks and compares a plugin's descriptor.
#include "daemon/plugin_host/descriptor.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "core/values/limits.hpp"
#include "daemon/plugin_gate/note.hpp"

namespace backstage::plugin_host {
namespace {

constexpr std::string_view rebuild = "build it again with the SDK, from a clean build directory";

std::unexpected<Refusal> bad(std::string_view file, std::string_view cause) {
  return refuse(Code::descriptor_bad, file, fmt::format("its descriptor {}", cause), rebuild);
}

// Only as much as the other side has, never more than there is room for.
template <class Table>
Table copy_table(const Table& theirs) noexcept {
  Table mine{};
  std::memcpy(&mine, &theirs, std::min<std::size_t>(theirs.struct_size, sizeof mine));
  return mine;
}

std::string_view bounded(const char* text, std::size_t bytes_max) noexcept {
  return {text, ::strnlen(text, bytes_max + 1)};
}

std::expected<PluginType, Refusal> read_type(std::string_view file, const bs_actor_type* theirs) {
  if (theirs == nullptr) return bad(file, "lists a NULL actor type");
  if (theirs->struct_size < offsetof(bs_actor_type, destroy) + sizeof(theirs->destroy)) {
    return bad(file, "has an actor type whose struct_size is too small for ABI 1.0");
  }
  PluginType type;
  type.calls = copy_table(*theirs);
  if (type.calls.name == nullptr) return bad(file, "has an actor type without a name");
  type.name = bounded(type.calls.name, type_name_bytes_max);
  if (type.calls.create == nullptr || type.calls.receive == nullptr ||
      type.calls.destroy == nullptr) {
    return bad(file, fmt::format("leaves out create, receive or destroy of the actor type '{}'",
                                 type.name));
  }
  return type;
}

std::expected<void, Refusal> compare(std::string_view file, std::string_view field,
                                     std::string_view note, std::string_view descriptor) {
  if (note == descriptor) return {};
  return refuse(Code::descriptor_mismatch, file,
                fmt::format("its note says {} '{}', its descriptor '{}'", field, note, descriptor),
                "give the note (BS_NOTE_C) and the descriptor (bs_plugin) the same values");
}

std::string sorted_text(std::vector<std::string> names) {
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ";"));
}

std::expected<void, Refusal> compare_all(std::string_view file, const Descriptor& descriptor,
                                         const plugin_gate::Manifest& manifest) {
  const auto& calls = descriptor.calls;
  std::vector<std::string> names;
  names.reserve(descriptor.types.size());
  for (const auto& type : descriptor.types) names.push_back(type.name);
  const auto id = bounded(calls.id, actor_name_bytes_max);
  const auto version = bounded(calls.version, actor_name_bytes_max);
  const struct {
    std::string_view field;
    std::string note, descriptor;
  } rows[] = {
      {"id", manifest.id, std::string{id}},
      {"version", manifest.version, std::string{version}},
      {"ABI major", std::to_string(manifest.abi_major), std::to_string(calls.abi_major)},
      {"flags", std::to_string(manifest.flags), std::to_string(calls.flags)},
      {"types", sorted_text(manifest.types), sorted_text(std::move(names))},
  };
  for (const auto& row : rows) {
    if (auto same = compare(file, row.field, row.note, row.descriptor); !same) return same;
  }
  return {};
}

}  // namespace

std::expected<Descriptor, Refusal> read_descriptor(std::string_view file, const bs_plugin& theirs,
                                                   const plugin_gate::Manifest& manifest) {
  if (theirs.struct_size < offsetof(bs_plugin, types) + sizeof(theirs.types)) {
    return bad(file, fmt::format("has struct_size {}, too small for ABI 1.0", theirs.struct_size));
  }
  Descriptor descriptor;
  descriptor.calls = copy_table(theirs);
  const auto& calls = descriptor.calls;
  if (calls.id == nullptr || calls.version == nullptr || calls.types == nullptr) {
    return bad(file, "leaves out id, version or types");
  }
  if (calls.type_count == 0 || calls.type_count > plugin_gate::types_max) {
    return bad(file, fmt::format("has {} actor types, allowed are 1 to {}", calls.type_count,
                                 plugin_gate::types_max));
  }
  for (std::uint32_t i = 0; i < calls.type_count; ++i) {
    auto type = read_type(file, calls.types[i]);
    if (!type) return std::unexpected(std::move(type.error()));
    descriptor.types.push_back(std::move(*type));
  }
  if (auto same = compare_all(file, descriptor, manifest); !same) {
    return std::unexpected(std::move(same.error()));
  }
  if ((calls.flags & BS_HAS_THREADS) != 0 && calls.quiesce == nullptr) {
    return bad(file, "says BS_HAS_THREADS but has no quiesce that could join them");
  }
  return descriptor;
}

}  // namespace backstage::plugin_host
