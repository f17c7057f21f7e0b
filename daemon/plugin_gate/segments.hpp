/// The segments of an ELF image: what the loader maps, and where.
#pragma once
#include <elf.h>

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

#include "daemon/plugin_gate/image.hpp"
#include "daemon/plugin_gate/verdict.hpp"

namespace backstage::plugin_gate {

/// Segments that lie inside the file and, where the loader looks for them in memory, inside what
/// it maps. PT_LOADs are in ascending order and do not overlap.
class Segments final {
 public:
  /// Errors: elf_truncated, elf_malformed, writable_code, too_large. [any]
  [[nodiscard]] static std::expected<Segments, Rejection> read(const Image& image,
                                                               const Elf64_Ehdr& header);

  [[nodiscard]] std::span<const Elf64_Phdr> all() const noexcept { return all_; }
  /// Whether the loader would make stacks executable; it does so when PT_GNU_STACK is missing.
  [[nodiscard]] bool exec_stack() const noexcept { return exec_stack_; }
  /// Where in the file the `size` bytes mapped at `address` come from, if they all do.
  [[nodiscard]] std::optional<std::uint64_t> file_offset(std::uint64_t address,
                                                         std::uint64_t size) const noexcept;
  /// Whether one segment maps all of it, zero-filled memory included.
  [[nodiscard]] bool is_mapped(std::uint64_t address, std::uint64_t size) const noexcept;

 private:
  Segments() = default;
  [[nodiscard]] std::expected<void, Rejection> add_load(const Elf64_Phdr& segment,
                                                        std::size_t index);
  [[nodiscard]] std::expected<void, Rejection> check_mapped(const Elf64_Phdr& segment,
                                                            std::size_t index) const;

  std::vector<Elf64_Phdr> all_;
  std::vector<Elf64_Phdr> loads_;
  bool exec_stack_ = true;
};

}  // namespace backstage::plugin_gate
