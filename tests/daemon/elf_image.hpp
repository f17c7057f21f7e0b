// Builds small ELF shared objects byte by byte: legal by default, wrong in one chosen way each.
#pragma once
#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace backstage::test {

using Bytes = std::vector<std::byte>;

inline void append(Bytes& bytes, std::string_view text) {
  for (const char c : text) bytes.push_back(static_cast<std::byte>(c));
}
template <class T>
void append_value(Bytes& bytes, const T& value) {
  append(bytes, {reinterpret_cast<const char*>(&value), sizeof value});
}
template <class T>
void write_value(Bytes& bytes, std::size_t offset, const T& value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}
inline std::string text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

using namespace std::string_view_literals;

/// The desc of a backstage note.
struct NoteDesc {
  std::uint32_t format = 1;
  std::uint16_t abi_major = 1;
  std::uint16_t abi_minor_required = 0;
  std::uint32_t flags = 1;
  std::string keys{"id=org.example.echo\0version=1.2.0\0types=echo;echo.loud\0sdk=t/1\0lang=c\0"sv};

  [[nodiscard]] Bytes bytes() const {
    Bytes out;
    append_value(out, format);
    append_value(out, abi_major);
    append_value(out, abi_minor_required);
    append_value(out, flags);
    append_value(out, std::uint32_t{0});
    append(out, keys);
    return out;
  }
};

/// One shared object: a single read-only segment, mapped where it lies in the file.
struct ElfImage {
#if defined(__aarch64__)
  Elf64_Half machine = EM_AARCH64;
#else
  Elf64_Half machine = EM_X86_64;
#endif
  Elf64_Half type = ET_DYN;
  unsigned char word_class = ELFCLASS64;
  std::optional<Elf64_Word> stack_flags = PF_R | PF_W;  ///< none: no PT_GNU_STACK
  Elf64_Word load_flags = PF_R;
  std::vector<Bytes> notes{NoteDesc{}.bytes()};
  std::vector<Elf64_Dyn> dynamic_extra{};
  bool has_dynamic = true;
  bool has_sections = true;

  // Fixed places, so that tests can smash one field.
  static constexpr std::size_t segments_at = sizeof(Elf64_Ehdr);
  static constexpr std::size_t load_at = segments_at;
  static constexpr std::size_t note_segment_at = segments_at + sizeof(Elf64_Phdr);
  static constexpr std::size_t body_at = segments_at + 4 * sizeof(Elf64_Phdr);

  [[nodiscard]] Bytes bytes() const;

 private:
  [[nodiscard]] Bytes note_bytes() const;
};

inline Bytes ElfImage::note_bytes() const {
  Bytes out;
  const auto add = [&out](Elf64_Word note_type, std::string_view owner, const Bytes& desc) {
    append_value(out, Elf64_Nhdr{static_cast<Elf64_Word>(owner.size()),
                                 static_cast<Elf64_Word>(desc.size()), note_type});
    append(out, owner);
    while (out.size() % 4 != 0) out.push_back({});
    out.insert(out.end(), desc.begin(), desc.end());
    while (out.size() % 4 != 0) out.push_back({});
  };
  add(NT_GNU_BUILD_ID, "GNU\0"sv, {std::byte{0xab}, std::byte{0xcd}});
  for (const auto& desc : notes) add(1, "backstage\0"sv, desc);
  return out;
}

inline Bytes ElfImage::bytes() const {
  const std::string_view strings = "\0libc.so.6\0"sv;
  const auto note = note_bytes();
  const std::size_t note_at = body_at;
  const std::size_t strings_at = note_at + note.size();
  const std::size_t symbols_at = (strings_at + strings.size() + 7) / 8 * 8;
  const std::size_t dynamic_at = symbols_at + sizeof(Elf64_Sym);
  std::vector<Elf64_Dyn> dynamic{{DT_NEEDED, {1}},
                                 {DT_STRTAB, {strings_at}},
                                 {DT_STRSZ, {strings.size()}},
                                 {DT_SYMTAB, {symbols_at}}};
  dynamic.insert(dynamic.end(), dynamic_extra.begin(), dynamic_extra.end());
  dynamic.push_back({DT_NULL, {0}});
  const std::size_t dynamic_bytes = dynamic.size() * sizeof(Elf64_Dyn);
  const std::size_t loaded = dynamic_at + dynamic_bytes;

  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = word_class;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = type;
  header.e_machine = machine;
  header.e_version = EV_CURRENT;
  header.e_phoff = segments_at;
  header.e_ehsize = sizeof(Elf64_Ehdr);
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 4;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shoff = has_sections ? loaded : 0;
  header.e_shnum = has_sections ? 1 : 0;

  const auto segment = [](Elf64_Word kind, Elf64_Word flags, std::size_t at, std::size_t size) {
    return Elf64_Phdr{kind, flags, at, at, at, size, size, kind == PT_LOAD ? 0x1000U : 4U};
  };
  Bytes out;
  append_value(out, header);
  append_value(out, segment(PT_LOAD, load_flags, 0, loaded));
  append_value(out, segment(PT_NOTE, PF_R, note_at, note.size()));
  append_value(out, has_dynamic ? segment(PT_DYNAMIC, PF_R, dynamic_at, dynamic_bytes)
                                : segment(PT_NULL, 0, 0, 0));
  append_value(out,
               stack_flags ? segment(PT_GNU_STACK, *stack_flags, 0, 0) : segment(PT_NULL, 0, 0, 0));
  out.insert(out.end(), note.begin(), note.end());
  append(out, strings);
  out.resize(dynamic_at);
  for (const auto& entry : dynamic) append_value(out, entry);
  if (has_sections) append_value(out, Elf64_Shdr{});
  return out;
}

}  // namespace backstage::test
