/// Symbols: the names of functions of this process, plugins included, by their addresses.
///
/// Read from the symbol tables of the mapped files themselves, so that functions a plugin does not
/// export have names too. Nothing is kept: each object is one look at what is mapped.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/crash/elf_symbols.hpp"

namespace backstage::crash {

class Symbols {
 public:
  Symbols();
  Symbols(const Symbols&) = delete;
  Symbols& operator=(const Symbols&) = delete;

  /// "Probe::sleep(...)+0x2f probe.so"; without a symbol table (stripped, or a file that is gone)
  /// "probe.so+0x1a2f", which addr2line understands; "0x7f..." outside of every file. [any]
  [[nodiscard]] std::string name_of(const void* address) const;

 private:
  struct Mapping {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uint64_t offset = 0;
    std::string path;
  };
  [[nodiscard]] const ElfSymbols& file_of(const std::string& path) const;

  std::vector<Mapping> mappings_;
  mutable std::vector<std::pair<std::string, ElfSymbols>> files_;
};

/// Names of a captured stack (StackTracer::capture), the innermost first, " < " between two, cut
/// short at `bytes_max`. What lies below the cell is the same for every turn and left out. [any]
[[nodiscard]] std::string stack_text(const std::vector<const void*>& frames, std::size_t bytes_max);

}  // namespace backstage::crash
