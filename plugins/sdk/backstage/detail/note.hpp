/// The ELF note of a C++ plugin, with the names of its types filled in by the compiler.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "backstage/plugin.h"

namespace backstage::detail {

inline constexpr std::string_view note_tail{"sdk=backstage-cpp/1.0\0lang=c++", 30};

template <std::size_t Size>
struct note {
  bs_note_head head;
  std::array<char, Size> text;
};

/// Appends to a note's text at compile time.
struct note_writer {
  char* at;
  constexpr void put(std::string_view text) {
    for (const char byte : text) *at++ = byte;
  }
};

template <class... Types>
constexpr std::size_t types_length =
    (std::string_view{Types::name}.size() + ...) + sizeof...(Types) - 1;

/// `IdSize` and `VersionSize` are those of the literals, NUL included.
template <class... Types, std::size_t IdSize, std::size_t VersionSize>
constexpr auto make_note(const char (&id)[IdSize], const char (&version)[VersionSize],
                         std::uint32_t flags) {
  constexpr std::size_t size =
      std::string_view{"id="}.size() + IdSize + std::string_view{"version="}.size() + VersionSize +
      std::string_view{"types="}.size() + types_length<Types...> + 1 + note_tail.size() + 1;
  note<size> made{};
  made.head = {sizeof(BS_NOTE_OWNER),
               sizeof(bs_note_head) - offsetof(bs_note_head, note_version) + size,
               BS_NOTE_TYPE,
               BS_NOTE_OWNER,
               BS_NOTE_VERSION,
               BS_ABI_MAJOR,
               0,
               flags,
               0};
  note_writer out{made.text.data()};
  out.put("id=");
  out.put({id, IdSize});
  out.put("version=");
  out.put({version, VersionSize});
  out.put("types=");
  bool first = true;
  ((out.put(first ? "" : ";"), first = false, out.put(Types::name)), ...);
  out.put({"\0", 1});
  out.put(note_tail);
  return made;
}

}  // namespace backstage::detail
