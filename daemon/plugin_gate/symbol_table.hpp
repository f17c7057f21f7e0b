/// Where the symbols of an ELF image lie; for those who read or patch them.
#pragma once
#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "daemon/plugin_gate/image.hpp"
#include "daemon/plugin_gate/segments.hpp"

namespace backstage::plugin_gate {

/// `count` symbols from byte `offset` of the image on; all of them lie inside of it.
struct SymbolTable {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
};

/// The symbols that the loader binds by (DT_SYMTAB). The dynamic section does not say how many they
/// are: the hash tables and the section table do, asked in this order. Nothing: the image is not
/// one that read_elf admits, or says nowhere how many. Any bytes are safe to pass. [any]
[[nodiscard]] std::optional<SymbolTable> dynamic_symbols(const Image& image);

/// The table of a section, all of the file's own functions with it (SHT_SYMTAB), or, of a stripped
/// file, nothing. `names` is its string table. [any]
struct NamedSymbols {
  SymbolTable symbols;
  std::uint64_t names_offset = 0;
  std::uint64_t names_bytes = 0;
};
[[nodiscard]] std::optional<NamedSymbols> section_symbols(const Image& image, Elf64_Word kind);

}  // namespace backstage::plugin_gate
