// Finds symbol tables, and how long they are, in an image whose numbers nobody has vouched for.
#include "daemon/plugin_gate/symbol_table.hpp"

#include <algorithm>
#include <array>

#include "daemon/plugin_gate/elf.hpp"

namespace backstage::plugin_gate {
namespace {

// What the dynamic section says about symbols: addresses, all of them.
struct Pointers {
  std::optional<std::uint64_t> symbols;
  std::optional<std::uint64_t> hash;
  std::optional<std::uint64_t> gnu_hash;
};

std::optional<Pointers> pointers_of(const Image& image, const Segments& segments) {
  const auto all = segments.all();
  const auto found = std::ranges::find(all, Elf64_Word{PT_DYNAMIC}, &Elf64_Phdr::p_type);
  if (found == all.end()) return std::nullopt;
  Pointers pointers;
  const auto count = std::min<std::uint64_t>(found->p_filesz / sizeof(Elf64_Dyn),  //
                                             dynamic_entries_max);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto entry = image.read<Elf64_Dyn>(found->p_offset + i * sizeof(Elf64_Dyn));
    if (!entry || entry->d_tag == DT_NULL) break;
    // The first of its kind counts, as for the rest of the gate.
    const auto keep = [&entry](std::optional<std::uint64_t>& pointer) {
      if (!pointer) pointer = entry->d_un.d_ptr;
    };
    if (entry->d_tag == DT_SYMTAB) keep(pointers.symbols);
    if (entry->d_tag == DT_HASH) keep(pointers.hash);
    if (entry->d_tag == DT_GNU_HASH) keep(pointers.gnu_hash);
  }
  return pointers;
}

// The old table has one chain link for each symbol.
std::optional<std::uint64_t> count_by_hash(const Image& image, const Segments& segments,
                                           std::uint64_t address) {
  const auto at = segments.file_offset(address, 2 * sizeof(Elf64_Word));
  if (!at) return std::nullopt;
  return image.read<std::array<Elf64_Word, 2>>(*at)->at(1);
}

// The GNU table knows the defined symbols only, which stand last: the end of the chain of the
// highest bucket is the end of the table.
std::optional<std::uint64_t> count_by_gnu_hash(const Image& image, const Segments& segments,
                                               std::uint64_t address) {
  struct Head {
    std::uint32_t buckets, first_symbol, bloom_words, bloom_shift;
  };
  const auto at = segments.file_offset(address, sizeof(Head));
  if (!at) return std::nullopt;
  const auto head = *image.read<Head>(*at);
  const std::uint64_t buckets_at = *at + sizeof head + std::uint64_t{head.bloom_words} * 8;
  if (!image.holds(buckets_at, std::uint64_t{head.buckets} * 4)) return std::nullopt;
  std::uint32_t last = 0;
  for (std::uint64_t i = 0; i < head.buckets; ++i) {
    last = std::max(last, *image.read<std::uint32_t>(buckets_at + i * 4));
  }
  if (last < head.first_symbol) return head.first_symbol;
  const std::uint64_t chains_at = buckets_at + std::uint64_t{head.buckets} * 4;
  for (std::uint64_t symbol = last;; ++symbol) {
    const auto link = image.read<std::uint32_t>(chains_at + (symbol - head.first_symbol) * 4);
    if (!link) return std::nullopt;
    constexpr std::uint32_t end_of_chain = 1;
    if ((*link & end_of_chain) != 0) return symbol + 1;
  }
}

std::optional<SymbolTable> table_at(const Image& image, std::uint64_t offset, std::uint64_t count) {
  const auto room = offset > image.size() ? 0 : (image.size() - offset) / sizeof(Elf64_Sym);
  if (count > room) return std::nullopt;
  return SymbolTable{offset, count};
}

std::optional<Elf64_Shdr> section(const Image& image, const Elf64_Ehdr& header,
                                  std::uint64_t index) {
  if (header.e_shoff == 0 || header.e_shoff > image.size() || index >= header.e_shnum) {
    return std::nullopt;
  }
  return image.read<Elf64_Shdr>(header.e_shoff + index * sizeof(Elf64_Shdr));
}

}  // namespace

std::optional<SymbolTable> dynamic_symbols(const Image& image) {
  const auto header = image.read<Elf64_Ehdr>(0);
  if (!header) return std::nullopt;
  const auto segments = Segments::read(image, *header);
  if (!segments) return std::nullopt;
  const auto pointers = pointers_of(image, *segments);
  if (!pointers || !pointers->symbols) return std::nullopt;
  const auto offset = segments->file_offset(*pointers->symbols, sizeof(Elf64_Sym));
  if (!offset) return std::nullopt;
  std::optional<std::uint64_t> count;
  if (pointers->hash) count = count_by_hash(image, *segments, *pointers->hash);
  if (!count && pointers->gnu_hash) {
    count = count_by_gnu_hash(image, *segments, *pointers->gnu_hash);
  }
  if (count) return table_at(image, *offset, *count);
  const auto named = section_symbols(image, SHT_DYNSYM);
  if (!named || named->symbols.offset != *offset) return std::nullopt;
  return named->symbols;
}

std::optional<NamedSymbols> section_symbols(const Image& image, Elf64_Word kind) {
  const auto header = image.read<Elf64_Ehdr>(0);
  if (!header || header->e_shentsize != sizeof(Elf64_Shdr)) return std::nullopt;
  for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
    const auto found = section(image, *header, i);
    if (!found || found->sh_type != kind) continue;
    const auto symbols = table_at(image, found->sh_offset, found->sh_size / sizeof(Elf64_Sym));
    const auto names = section(image, *header, found->sh_link);
    if (!symbols || !names || !image.holds(names->sh_offset, names->sh_size)) return std::nullopt;
    return NamedSymbols{*symbols, names->sh_offset, names->sh_size};
  }
  return std::nullopt;
}

}  // namespace backstage::plugin_gate
