/// Library: one shared object in this process.
///
/// There is no unloading: what a plugin leaves behind (thread_local destructors, atexit handlers,
/// literals in logs, exception objects) points into its code, so retired code stays mapped. A later
/// version may unmap what proves to be unused.
#pragma once
#include <backstage/plugin.h>

#include <expected>
#include <string>
#include <string_view>

#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

class Library {
 public:
  using Entry = const bs_plugin* (*)(const bs_api*);

  /// Maps the staged copy at `path`, running its static constructors. `file` is for texts only.
  /// Errors: library_missing, library_too_old, symbol_missing, static_tls, not_executable,
  /// load_failed, no_entry. [loader]
  [[nodiscard]] static std::expected<Library, Refusal> open(std::string_view file,
                                                            const std::string& path);
  [[nodiscard]] Entry entry() const noexcept { return entry_; }

 private:
  explicit Library(Entry found) noexcept : entry_(found) {}
  Entry entry_;
};

/// What the dynamic loader's message about `path` means for the one who dropped `file`. [any]
[[nodiscard]] Refusal explain_load_error(std::string_view file, std::string_view path,
                                         std::string_view message);

}  // namespace backstage::plugin_host
