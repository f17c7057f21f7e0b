/// Library: one shared object in this process.
///
/// It stays mapped unless somebody who knows better closes it: what a plugin leaves behind
/// (thread_local destructors, atexit handlers, literals, exception objects) points into its code.
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
  /// What is linked into this program; it cannot be closed. [any]
  [[nodiscard]] static Library built_in(Entry entry) noexcept { return {nullptr, entry}; }
  [[nodiscard]] Entry entry() const noexcept { return entry_; }
  /// Unmaps it; nothing of it may be touched after that. False: it is mapped still, because the
  /// loader has its own reasons. `path` is the one it was opened by. [loader]
  [[nodiscard]] bool close(const std::string& path) const noexcept;

 private:
  Library(void* handle, Entry found) noexcept : handle_(handle), entry_(found) {}
  void* handle_;
  Entry entry_;
};

/// What the dynamic loader's message about `path` means for the one who dropped `file`. [any]
[[nodiscard]] Refusal explain_load_error(std::string_view file, std::string_view path,
                                         std::string_view message);

}  // namespace backstage::plugin_host
