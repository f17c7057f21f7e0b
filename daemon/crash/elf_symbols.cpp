// Sections, symbols and names by their places in a mapped file, each checked before it is read.
#include "daemon/crash/elf_symbols.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace backstage::crash {

ElfSymbols::ElfSymbols(const char* path) noexcept {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  struct stat facts{};
  if (::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
    const auto size = static_cast<std::size_t>(facts.st_size);
    void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (bytes != MAP_FAILED) {
      bytes_ = static_cast<const char*>(bytes);
      size_ = size;
    }
  }
  ::close(fd);
  const auto header = read<Elf64_Ehdr>(0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return;
  if (header->e_ident[EI_CLASS] == ELFCLASS64) header_ = *header;
}

ElfSymbols::ElfSymbols(ElfSymbols&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      header_(std::exchange(other.header_, {})) {}

ElfSymbols& ElfSymbols::operator=(ElfSymbols&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(header_, other.header_);
  return *this;
}

ElfSymbols::~ElfSymbols() {
  // The kernel takes it back as it gave it: nobody writes there.
  if (bytes_ != nullptr) ::munmap(const_cast<char*>(bytes_), size_);
}

template <class Part>
std::optional<Part> ElfSymbols::read(std::uint64_t offset) const noexcept {
  if (bytes_ == nullptr || offset > size_ || size_ - offset < sizeof(Part)) return std::nullopt;
  Part part;
  std::memcpy(&part, bytes_ + offset, sizeof part);
  return part;
}

std::optional<Elf64_Shdr> ElfSymbols::section(std::uint64_t index) const noexcept {
  if (index >= header_.e_shnum) return std::nullopt;
  return read<Elf64_Shdr>(header_.e_shoff + index * sizeof(Elf64_Shdr));
}

std::optional<std::uint64_t> ElfSymbols::address_of(std::uint64_t offset) const noexcept {
  for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
    const auto segment = read<Elf64_Phdr>(header_.e_phoff + i * sizeof(Elf64_Phdr));
    if (!segment || segment->p_type != PT_LOAD) continue;
    if (offset < segment->p_offset || offset - segment->p_offset >= segment->p_filesz) continue;
    return offset - segment->p_offset + segment->p_vaddr;
  }
  return std::nullopt;
}

std::optional<ElfSymbols::Found> ElfSymbols::find(std::uint64_t offset) const noexcept {
  const auto address = address_of(offset);
  if (!address) return std::nullopt;
  for (const auto wanted : {Elf64_Word{SHT_SYMTAB}, Elf64_Word{SHT_DYNSYM}}) {
    for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
      const auto table = section(i);
      if (!table || table->sh_type != wanted) continue;
      const auto names = section(table->sh_link);
      if (!names) continue;
      if (auto found = find_in(*table, *names, *address)) return found;
    }
  }
  return std::nullopt;
}

std::optional<ElfSymbols::Found> ElfSymbols::find_in(const Elf64_Shdr& table,
                                                     const Elf64_Shdr& names,
                                                     std::uint64_t address) const noexcept {
  for (std::uint64_t at = 0; at < table.sh_size; at += sizeof(Elf64_Sym)) {
    const auto symbol = read<Elf64_Sym>(table.sh_offset + at);
    if (!symbol) return std::nullopt;
    const auto type = ELF64_ST_TYPE(symbol->st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
    if (address < symbol->st_value || address - symbol->st_value >= symbol->st_size) continue;
    return Found{name_at(names, symbol->st_name), address - symbol->st_value};
  }
  return std::nullopt;
}

std::string_view ElfSymbols::name_at(const Elf64_Shdr& names, std::uint64_t index) const noexcept {
  const std::uint64_t begin = names.sh_offset + index;
  if (index >= names.sh_size || begin >= size_) return "?";
  const char* text = bytes_ + begin;
  return {text, ::strnlen(text, std::min(names.sh_size - index, size_ - begin))};
}

}  // namespace backstage::crash
