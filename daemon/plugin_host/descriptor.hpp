/// Descriptor: a plugin's own tables, copied once so that every later read is the host's memory.
#pragma once
#include <backstage/plugin.h>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_gate/verdict.hpp"
#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

/// One actor type; optional callbacks that it lacks are null.
struct PluginType {
  std::string name;
  bs_actor_type calls{};
};

struct Descriptor {
  bs_plugin calls{};
  std::vector<PluginType> types;
};

/// Copies at most what both sides know: smaller tables leave the rest null, larger ones are read as
/// far as they are known. Then holds it against the note, which was judged before any code ran.
/// Errors: descriptor_bad, descriptor_mismatch. [loader]
[[nodiscard]] std::expected<Descriptor, Refusal> read_descriptor(
    std::string_view file, const bs_plugin& theirs, const plugin_gate::Manifest& manifest);

}  // namespace backstage::plugin_host
