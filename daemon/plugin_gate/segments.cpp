// Reads the segment table and holds it against the file and against itself.
#include "daemon/plugin_gate/segments.hpp"

#include <algorithm>
#include <bit>

#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/refuse.hpp"

namespace backstage::plugin_gate {

std::expected<Segments, Rejection> Segments::read(const Image& image, const Elf64_Ehdr& header) {
  if (header.e_phentsize != sizeof(Elf64_Phdr)) return malformed("its segment size is wrong");
  if (header.e_phnum == 0 || header.e_phnum > segments_max) {
    return malformed(
        fmt::format("it has {} segments, allowed are 1 to {}", header.e_phnum, segments_max));
  }
  const std::uint64_t table_bytes = header.e_phnum * sizeof(Elf64_Phdr);
  const auto table = image.slice(header.e_phoff, table_bytes);
  if (!table) return truncated(image.size(), "segment table", header.e_phoff, table_bytes);

  Segments segments;
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const auto segment = *Image{*table}.read<Elf64_Phdr>(i * sizeof(Elf64_Phdr));
    if (segment.p_type != PT_GNU_STACK && !image.holds(segment.p_offset, segment.p_filesz)) {
      return truncated(image.size(), fmt::format("segment {}", i), segment.p_offset,
                       segment.p_filesz);
    }
    if (segment.p_type == PT_GNU_STACK) segments.exec_stack_ = (segment.p_flags & PF_X) != 0;
    if (segment.p_type == PT_LOAD) {
      if (auto added = segments.add_load(segment, i); !added) return Refused(added.error());
    }
    segments.all_.push_back(segment);
  }
  if (segments.loads_.empty()) return malformed("it has no segment to load");
  for (std::size_t i = 0; i < segments.all_.size(); ++i) {
    if (auto checked = segments.check_mapped(segments.all_[i], i); !checked) {
      return Refused(checked.error());
    }
  }
  return segments;
}

Checked Segments::add_load(const Elf64_Phdr& segment, std::size_t index) {
  if (segment.p_filesz > segment.p_memsz) {
    return malformed(fmt::format("its segment {} is larger in the file than in memory", index));
  }
  if ((segment.p_flags & PF_W) != 0 && (segment.p_flags & PF_X) != 0) {
    return refuse(Code::writable_code,
                  fmt::format("its segment {} is both writable and executable", index),
                  "link it without -z execstack, -N and -z notext, and keep code out of data");
  }
  const auto first = loads_.empty() ? segment.p_vaddr : loads_.front().p_vaddr;
  const auto previous_end =
      loads_.empty() ? segment.p_vaddr : loads_.back().p_vaddr + loads_.back().p_memsz;
  if (segment.p_vaddr < previous_end) {
    return malformed(
        fmt::format("its segment {} lies over or before the one loaded before it", index));
  }
  // The last term keeps every sum of an address and a size in this class from overflowing.
  if (segment.p_memsz > mapped_bytes_max || segment.p_vaddr - first > mapped_bytes_max ||
      segment.p_vaddr > UINT64_MAX - mapped_bytes_max) {
    return refuse(
        Code::too_large,
        fmt::format("it wants more than {} MiB of memory mapped", mapped_bytes_max >> 20U),
        "allocate large buffers when an actor needs them, not as static arrays");
  }
  if (segment.p_align > 1 &&
      (!std::has_single_bit(segment.p_align) ||
       ((segment.p_vaddr - segment.p_offset) & (segment.p_align - 1)) != 0)) {
    return malformed(fmt::format("its segment {} is not aligned as it claims", index));
  }
  loads_.push_back(segment);
  return {};
}

// Loader and unwinder find these by address, in memory; so they must really be mapped there.
Checked Segments::check_mapped(const Elf64_Phdr& segment, std::size_t index) const {
  const auto refusal = [index] {
    return malformed(fmt::format("its segment {} lies in no loaded segment", index));
  };
  switch (segment.p_type) {
    case PT_DYNAMIC:
    case PT_NOTE:
    case PT_TLS:
    case PT_GNU_EH_FRAME:
    case PT_GNU_PROPERTY:
      break;
    case PT_GNU_RELRO:
      // Some linkers round its size up beyond the segment; the kernel bounds the mprotect.
      if (is_mapped(segment.p_vaddr, 0)) return {};
      return refusal();
    default:
      return {};
  }
  if (segment.p_filesz == 0) return {};
  const auto offset = file_offset(segment.p_vaddr, segment.p_filesz);
  if (!offset || *offset != segment.p_offset) return refusal();
  return {};
}

std::optional<std::uint64_t> Segments::file_offset(std::uint64_t address,
                                                   std::uint64_t size) const noexcept {
  for (const auto& load : loads_) {
    if (address < load.p_vaddr) continue;
    const auto inside = address - load.p_vaddr;
    if (inside <= load.p_filesz && size <= load.p_filesz - inside) return load.p_offset + inside;
  }
  return std::nullopt;
}

bool Segments::is_mapped(std::uint64_t address, std::uint64_t size) const noexcept {
  return std::ranges::any_of(loads_, [address, size](const Elf64_Phdr& load) {
    return address >= load.p_vaddr && address - load.p_vaddr <= load.p_memsz &&
           size <= load.p_memsz - (address - load.p_vaddr);
  });
}

}  // namespace backstage::plugin_gate
