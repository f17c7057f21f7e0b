// Looks an address up in the symbol tables of a file.
#include "daemon/plugin_gate/function_name.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fmt/format.h>

#include <cstdlib>
#include <cstring>
#include <memory>

#include "daemon/plugin_gate/symbol_table.hpp"
#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {
namespace {

// Templates have names of many thousand bytes, which nobody reads.
constexpr std::size_t name_bytes_max = 120;

std::string demangled(const std::string& name) {
  int failed = -1;
  const std::unique_ptr<char, void (*)(void*)> text{
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &failed), &std::free};
  return failed == 0 ? text.get() : name;
}

// From a place in the file to one in memory, as the symbols count.
std::optional<std::uint64_t> address_of(const Image& image, std::uint64_t offset) {
  const auto header = image.read<Elf64_Ehdr>(0);
  if (!header) return std::nullopt;
  const auto segments = Segments::read(image, *header);
  if (!segments) return std::nullopt;
  for (const auto& segment : segments->all()) {
    if (segment.p_type != PT_LOAD || offset < segment.p_offset) continue;
    if (offset - segment.p_offset < segment.p_filesz) {
      return offset - segment.p_offset + segment.p_vaddr;
    }
  }
  return std::nullopt;
}

std::string name_at(const Image& image, const NamedSymbols& table, std::uint64_t index) {
  if (index >= table.names_bytes) return {};
  const auto bytes = image.slice(table.names_offset + index, table.names_bytes - index);
  if (!bytes) return {};
  const auto* text = reinterpret_cast<const char*>(bytes->data());
  return {text, ::strnlen(text, bytes->size())};
}

std::optional<std::string> find(const Image& image, const NamedSymbols& table,
                                std::uint64_t address) {
  for (std::uint64_t i = 0; i < table.symbols.count; ++i) {
    const auto symbol = *image.read<Elf64_Sym>(table.symbols.offset + i * sizeof(Elf64_Sym));
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    if (address < symbol.st_value || address - symbol.st_value >= symbol.st_size) continue;
    const auto name = name_at(image, table, symbol.st_name);
    if (name.empty()) return std::nullopt;
    return fmt::format("{}+{:#x}", printable(demangled(name), name_bytes_max),
                       address - symbol.st_value);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> function_at(std::span<const std::byte> bytes, std::uint64_t offset) {
  const Image image{bytes};
  const auto address = address_of(image, offset);
  if (!address) return std::nullopt;
  for (const auto kind : {Elf64_Word{SHT_SYMTAB}, Elf64_Word{SHT_DYNSYM}}) {
    const auto table = section_symbols(image, kind);
    if (!table) continue;
    if (auto name = find(image, *table, *address)) return name;
  }
  return std::nullopt;
}

}  // namespace backstage::plugin_gate
