/// CrashTrace: where a thread was when it crashed, found and put into words by its signal handler.
///
/// Nothing here allocates or takes a lock of the process. What is followed may be damaged: whoever
/// captures must survive a fault in there; what was found before it stays.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "daemon/crash/elf_symbols.hpp"
#include "daemon/plugin_host/fixed_text.hpp"

namespace backstage::crash {

using plugin_host::FixedText;
using plugin_host::ShortText;

/// The registers a stack is followed from.
struct CrashPlace {
  std::uintptr_t pc = 0;
  std::uintptr_t sp = 0;
  std::uintptr_t fp = 0;
};
/// Of the `ucontext_t` that a handler gets; zeros on CPUs that are not known here.
[[nodiscard]] CrashPlace place_of(const void* context) noexcept;

/// The memory of a thread's own stack: [low, high), and a guard below it. Zeros: not known.
struct StackBounds {
  std::uintptr_t low = 0;
  std::uintptr_t high = 0;
  std::size_t guard = 0;

  /// Whether touching `address` means that the stack has no room left.
  [[nodiscard]] bool is_overflow(std::uintptr_t address) const noexcept;
};

class CrashTrace {
 public:
  static constexpr std::size_t frames_max = 40;

  /// Unwinds the calling thread, handler included. May fault. [signal handler]
  void capture() noexcept;
  /// Drops the handler's own frames. Where the unwinder could not go (a call to nowhere, code
  /// without tables), follows frame pointers within `bounds`. [signal handler]
  void settle(const CrashPlace& place, const StackBounds& bounds) noexcept;
  /// The innermost first; each but the first is a return address.
  [[nodiscard]] std::span<const std::uintptr_t> frames() const noexcept {
    return std::span{frames_}.first(count_);
  }

  /// Finds the file of each frame in the list of mappings. [signal handler]
  void find_files() noexcept;
  /// "Crashy::write(int)+0x2f crashy.so < ...", as stack_text does, but that arguments are left out
  /// and templates shortened. Reads symbol tables: may fault (SIGBUS) if a file has been cut.
  /// [signal handler]
  void name(FixedText& out) noexcept;

 private:
  static constexpr std::size_t files_max = 16;
  struct Frame {
    std::size_t file = files_max;  // none
    std::uint64_t offset = 0;
  };
  struct File {
    ShortText<256> path;
    ElfSymbols symbols;
    bool is_open = false;
  };

  void note_mapping(std::string_view line) noexcept;
  [[nodiscard]] std::size_t file_of(std::string_view path) noexcept;
  [[nodiscard]] std::uintptr_t inside(std::size_t frame) const noexcept;
  void follow_frame_pointers(std::uintptr_t fp, const StackBounds& bounds) noexcept;

  // The handler, the kernel's trampoline and a sanitizer's wrappers come on top.
  std::array<void*, frames_max + 12> raw_{};
  std::array<std::uintptr_t, frames_max> frames_{};
  std::size_t count_ = 0;
  std::array<Frame, frames_max> found_{};
  std::array<File, files_max> files_{};
  std::size_t file_count_ = 0;
};

/// "ns::Type::function" of a mangled name whose parts are plain names; from the first part on that
/// is none (template arguments, operators), "..." stands for the rest. Other names as they are, at
/// most 120 bytes. [signal handler]
void add_readable(FixedText& out, std::string_view symbol) noexcept;

}  // namespace backstage::crash
