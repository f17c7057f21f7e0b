/// ElfSymbols: the functions of one ELF file, read from its symbol table where it lies.
///
/// Allocates nothing and takes no lock, so a signal handler may use it. Every access is checked
/// against the size of the file; one that shrinks while it is read raises SIGBUS all the same.
#pragma once
#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace backstage::crash {

class ElfSymbols {
 public:
  ElfSymbols() noexcept = default;
  /// Maps the file; one that cannot be, or is no 64-bit ELF file, has no functions. [any]
  explicit ElfSymbols(const char* path) noexcept;
  ElfSymbols(ElfSymbols&& other) noexcept;
  ElfSymbols& operator=(ElfSymbols&& other) noexcept;
  ElfSymbols(const ElfSymbols&) = delete;
  ElfSymbols& operator=(const ElfSymbols&) = delete;
  ~ElfSymbols();

  struct Found {
    std::string_view name;  ///< as the linker knows it; lives as long as this object
    std::uint64_t offset = 0;
  };
  /// The function that holds the byte at `offset` of the file. [any]
  [[nodiscard]] std::optional<Found> find(std::uint64_t offset) const noexcept;

 private:
  template <class Part>
  [[nodiscard]] std::optional<Part> read(std::uint64_t offset) const noexcept;
  [[nodiscard]] std::optional<Elf64_Shdr> section(std::uint64_t index) const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t offset) const noexcept;
  [[nodiscard]] std::optional<Found> find_in(const Elf64_Shdr& table, const Elf64_Shdr& names,
                                             std::uint64_t address) const noexcept;
  [[nodiscard]] std::string_view name_at(const Elf64_Shdr& names,
                                         std::uint64_t index) const noexcept;

  const char* bytes_ = nullptr;
  std::size_t size_ = 0;
  Elf64_Ehdr header_{};  // of a file that is none: no segments, no sections
};

}  // namespace backstage::crash
