/// The gate: decides whether a file may be loaded, before any of its code runs.
///
/// Order of judgement: directory, owner and mode, size, hash, ELF bounds, note and ABI, stack,
/// isolation. The first failure is the verdict. Nothing is executed, mapped executable or left
/// open.
#pragma once
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/plugin_gate/note.hpp"
#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

/// Far above real plugins (tens of KiB to a few MiB), low enough to be read into memory whole.
inline constexpr std::uint64_t file_bytes_max = 256ULL << 20U;

struct Rules {
  AbiOffer abi{};
  std::uint64_t bytes_max = file_bytes_max;
  uid_t trusted_uid = ::geteuid();  ///< may own plugins beside root
  /// SHA-256 of the files that may be loaded, 64 lower-case hex digits each; empty: all may.
  std::vector<std::string> allowed{};
};

/// A file that may be loaded: the very bytes that were judged, to be staged and loaded. The file on
/// disk may change meanwhile; these do not.
struct Admitted {
  Manifest manifest;
  std::vector<std::byte> image;
};

/// Judges the directory plugins are dropped into; a refusal stands for every file in it.
/// Errors: writable_directory, bad_owner, not_directory, unreadable. [any]
[[nodiscard]] std::expected<void, Rejection> judge_directory(const std::string& directory,
                                                             const Rules& rules = {});

/// Judges bytes that stand for the file named `file`, which is used in texts only. Safe with any
/// bytes. Errors: all from too_large on. [any]
[[nodiscard]] std::expected<Manifest, Rejection> judge_image(std::string_view file,
                                                             std::span<const std::byte> image,
                                                             const Rules& rules = {});

/// Judges a file and the directory it stands in; reads it once. Never waits on what is no regular
/// file. A symbolic link passes when what it leads to does, with every link and directory on the
/// way: it is followed once, and what was opened is what is judged and read. Errors: all. [any]
[[nodiscard]] std::expected<Admitted, Rejection> judge_file(const std::string& path,
                                                            const Rules& rules = {});

}  // namespace backstage::plugin_gate
