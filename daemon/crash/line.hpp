/// The line that a crash leaves in the log: built without memory, valid in both of its formats.
#pragma once
#include <cstdint>
#include <string_view>

#include "daemon/log/line.hpp"
#include "daemon/plugin_host/crash_record.hpp"

namespace backstage::crash {

/// What the log tells beside the facts of the record.
struct CrashLine {
  const plugin_host::CrashFacts& facts;
  std::uintptr_t address = 0;  ///< that could not be accessed; with `has_address`
  bool has_address = false;
  std::string_view thread;      ///< its name, as the system knows it
  int sender = 0;               ///< the process that sent the signal; 0: it was no other
  std::int64_t utc_offset = 0;  ///< seconds: text lines are in local time
};

/// `crash: SIGSEGV in plugin code`, with plugin, version, sha256, build_id, file, actor, type,
/// phase, kind, message type, signal, cause, address, thread and stack, as format_line would write
/// them, but that every byte outside printable ASCII is escaped. Ends with a newline; a stack that
/// does not fit is cut. `out` has room for log_line_bytes_max. [signal handler]
void format_crash(plugin_host::FixedText& out, const CrashLine& line,
                  log::LogFormat format) noexcept;

}  // namespace backstage::crash
