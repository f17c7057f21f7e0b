/// Dropping a plugin file into the daemon's directory, as one step that nobody sees half done.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "daemon/ctl/fault.hpp"

namespace backstage::ctl {

/// A file that the gate admits.
struct PluginFile {
  std::vector<std::byte> image;
  std::string sha256;
  std::string version;
};

/// Reads and judges a file as the daemon will, and that it is the plugin `id`.
/// Faults: CTL-204 unreadable, CTL-402 refused, CTL-405 another plugin.
[[nodiscard]] Outcome<PluginFile> read_plugin(const std::string& path, const std::string& id);

/// Writes it into `directory` under a name that begins with a dot (the daemon ignores those), syncs
/// it, and renames it to `name`. Fault: CTL-205, with the directory as it was.
[[nodiscard]] Outcome<void> drop(const PluginFile& plugin, const std::string& directory,
                                 const std::string& name);

}  // namespace backstage::ctl
