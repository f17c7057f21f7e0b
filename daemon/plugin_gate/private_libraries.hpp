/// Which libraries a plugin brings along for itself: those that an upgrade would mix up.
///
/// The loader keeps one library per SONAME and process: the second version of a plugin runs on the
/// helper library of the first, whatever lies beside it. So a library the system provides is fine,
/// since all versions are to share it, and one that only the plugin's maker provides is not.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::plugin_gate {

/// Where the system keeps its libraries: the loader's built-in directories and those that
/// /etc/ld.so.conf and the files it includes name. Those of RUNPATH, of LD_LIBRARY_PATH and beside
/// a plugin are not among them: what is found there came with somebody's program. Reads files.
/// [any]
[[nodiscard]] std::vector<std::string> system_library_directories(
    const std::string& conf = "/etc/ld.so.conf");

/// Whether one of `directories` has a library of that name. Looks at files. [any]
[[nodiscard]] bool is_in_directories(std::string_view library,
                                     std::span<const std::string> directories);

/// Those of `needed` (Manifest::needed) that are private: names with a slash, which are paths of
/// somebody's own, and names that `is_shared` does not know. It should say yes to what the system
/// provides (is_in_directories) and to what the daemon itself was linked with, as mapped before the
/// first plugin; never to what is mapped merely because a plugin brought it. In order. [any]
[[nodiscard]] std::vector<std::string> private_libraries(
    std::span<const std::string> needed, const std::function<bool(std::string_view)>& is_shared);

}  // namespace backstage::plugin_gate
