// Counts and demotes unique symbols: one byte of each, at a place that is known to be in the image.
#include "daemon/plugin_gate/unique.hpp"

#include <elf.h>

#include <cstdint>
#include <vector>

#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/symbol_table.hpp"

namespace backstage::plugin_gate {
namespace {

// Where the bytes with binding and type of the unique symbols are.
std::vector<std::size_t> unique_places(std::span<const std::byte> image) {
  std::vector<std::size_t> places;
  const auto table = dynamic_symbols(Image{image});
  for (std::uint64_t i = 0; table && i < table->count; ++i) {
    const auto at = static_cast<std::size_t>(table->offset + i * sizeof(Elf64_Sym) +
                                             offsetof(Elf64_Sym, st_info));
    if (ELF64_ST_BIND(std::to_integer<unsigned>(image[at])) == STB_GNU_UNIQUE) {
      places.push_back(at);
    }
  }
  return places;
}

void set_binding(std::span<std::byte> image, std::span<const std::size_t> places,
                 unsigned binding) {
  for (const auto at : places) {
    const auto type = ELF64_ST_TYPE(std::to_integer<unsigned>(image[at]));
    image[at] = static_cast<std::byte>(ELF64_ST_INFO(binding, type));
  }
}

}  // namespace

std::size_t count_unique(std::span<const std::byte> image) { return unique_places(image).size(); }

std::size_t demote_unique(std::span<std::byte> image) {
  const auto places = unique_places(image);
  if (places.empty()) return 0;
  set_binding(image, places, STB_WEAK);
  // A made-up table may lie over what was judged; no linker writes such a file.
  if (read_elf(image)) return places.size();
  set_binding(image, places, STB_GNU_UNIQUE);
  return 0;
}

}  // namespace backstage::plugin_gate
