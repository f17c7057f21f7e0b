/// What the gate says about a file: a manifest when it may be loaded, a rejection when not.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::plugin_gate {

/// Why a file is refused. The token of each is stable for ever: logs, quarantine records, docs.
enum class Code : std::uint8_t {
  unreadable,          ///< cannot be opened or read
  not_regular,         ///< a directory, FIFO, socket or device
  symlink,             ///< a symbolic link that leads nowhere, or changed while it was followed
  not_directory,       ///< the plugin directory is no directory
  bad_owner,           ///< owned by neither root nor the daemon's user
  writable_file,       ///< group or others may change the file
  writable_directory,  ///< group or others may change the directory or one above it
  too_large,           ///< over the size limit, as a file or once mapped
  changing,            ///< changed while it was read: still being copied
  elf_truncated,       ///< the file ends before something its headers point at
  not_elf,             ///< no ELF file at all
  elf_malformed,       ///< headers that contradict themselves
  wrong_machine,       ///< built for another CPU, word size or byte order
  not_shared_object,   ///< an executable, an object file or a core dump
  writable_code,       ///< a segment both writable and executable, or text relocations
  exec_stack,          ///< asks for an executable stack, or does not say that it needs none
  no_note,             ///< no `.note.backstage`: a library, but no plugin
  note_malformed,      ///< a note that breaks its format
  note_version,        ///< a note format this daemon does not read
  abi_major,           ///< built for another major version of the plugin ABI
  abi_minor,           ///< needs a newer minor version than this daemon offers
  bad_id,              ///< plugin id missing or not allowed by the grammar
  bad_version,         ///< plugin version missing or not allowed by the grammar
  bad_types,           ///< no actor type, a type twice, or a name the grammar refuses
  needs_isolation,     ///< wants a process of its own, which this daemon does not offer
  not_allowed,         ///< its hash is not among those the config allows
};
inline constexpr std::size_t code_count = static_cast<std::size_t>(Code::not_allowed) + 1;

/// The stable token: `ELF_TRUNCATED`. [any]
[[nodiscard]] std::string_view token(Code code) noexcept;
/// The code with that token, or nothing. [any]
[[nodiscard]] std::optional<Code> code_of(std::string_view token) noexcept;

/// One refusal, for people and for programs. All text is printable ASCII.
struct Rejection {
  Code code = Code::unreadable;
  std::string file;    ///< the path as given, escaped
  std::string cause;   ///< what is wrong, as a clause that follows the file name
  std::string fix;     ///< what to do next, as a sentence without a full stop
  std::string sha256;  ///< of the content that was judged; empty when it was not read whole

  /// `FILE: CAUSE; FIX [CODE]`. [any]
  [[nodiscard]] std::string text() const;
};

/// What an acceptable file says about itself.
struct Manifest {
  std::string id;                  ///< 1*64 letters, digits, `.`, `_`, `-`; begins with no `.`, `-`
  std::string version;             ///< 1*32, begins with a digit
  std::vector<std::string> types;  ///< actor types: 1 to types_max legal, distinct names
  std::string sdk;                 ///< what it was built with, or empty
  std::string lang;                ///< source language, or empty
  std::uint16_t abi_major = 0;
  std::uint16_t abi_minor_required = 0;
  std::uint32_t flags = 0;
  std::string sha256;               ///< 64 lower-case hex digits over the whole file
  std::string build_id;             ///< linker's build id in hex, or empty
  std::vector<std::string> needed;  ///< DT_NEEDED, in order
  bool static_tls = false;          ///< may fail to load late: static TLS is scarce
  bool no_delete = false;           ///< the loader will never unmap it
  std::size_t unique_symbols = 0;   ///< statics it would share with its other versions
};

/// Long enough for any sane path, short enough for one log line.
inline constexpr std::size_t printable_bytes_max = 512;

/// `text` with every byte outside printable ASCII, and every backslash, as `\xNN`; cut after
/// `bytes_max` bytes. [any]
[[nodiscard]] std::string printable(std::string_view text,
                                    std::size_t bytes_max = printable_bytes_max);

}  // namespace backstage::plugin_gate
