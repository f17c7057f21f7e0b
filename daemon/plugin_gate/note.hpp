/// The note `.note.backstage`: what a plugin says about itself before any of its code runs.
///
///   owner "backstage", type 1; desc, little-endian:
///   u32 note_version = 1, u16 abi_major, u16 abi_minor_required, u32 flags, u32 reserved,
///   then `key=value` texts, each ended by NUL: id, version, types=a;b, sdk, lang.
///
/// Unknown keys and flags are skipped: what an old daemon must not skip raises the ABI instead.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <span>

#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

inline constexpr std::uint32_t note_version = 1;
inline constexpr std::size_t note_header_bytes = 16;
/// Room for types_max names of full length.
inline constexpr std::size_t note_bytes_max = 20'480;
inline constexpr std::size_t note_keys_max = 64;
inline constexpr std::size_t types_max = 256;

/// The ABI a daemon offers; by default what this build's SDK header says.
struct AbiOffer {
  std::uint16_t major = 1;
  std::uint16_t minor = 0;
};

/// Reads the note's desc into the manifest's note fields. Errors: note_*, abi_*, bad_*; `file` is
/// left for the caller. The ABI is judged before the keys, which another ABI may spell otherwise.
/// Copies what it keeps. [any]
[[nodiscard]] std::expected<Manifest, Rejection> read_note(std::span<const std::byte> desc,
                                                           AbiOffer offer);

}  // namespace backstage::plugin_gate
