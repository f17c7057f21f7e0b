// Walks header, segments, dynamic section and notes of an ELF image, trusting none of its numbers.
#include "daemon/plugin_gate/elf.hpp"

#include <elf.h>

#include <algorithm>
#include <bit>
#include <optional>

#include "backstage/plugin.h"
#include "daemon/plugin_gate/image.hpp"
#include "daemon/plugin_gate/refuse.hpp"
#include "daemon/plugin_gate/segments.hpp"

namespace backstage::plugin_gate {
namespace {

static_assert(std::endian::native == std::endian::little, "the gate reads its own byte order only");

#if defined(__x86_64__)
constexpr Elf64_Half machine_ours = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half machine_ours = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half machine_ours = EM_RISCV;
#else
#error "name this machine's ELF number here"
#endif

constexpr std::string_view build_shared = "build it as a shared library: -shared -fPIC";

std::string_view machine_name(Elf64_Half machine) noexcept {
  switch (machine) {
    case EM_386:
      return "x86 (32 bit)";
    case EM_X86_64:
      return "x86-64";
    case EM_ARM:
      return "ARM (32 bit)";
    case EM_AARCH64:
      return "AArch64";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "PowerPC 64";
    case EM_S390:
      return "IBM Z";
    default:
      return "another machine";
  }
}

// One reading of one image; the steps run in order and each relies on those before it.
class Reader final {
 public:
  explicit Reader(std::span<const std::byte> bytes) noexcept : image_(bytes) {}

  std::expected<ElfFacts, Rejection> read();

 private:
  Checked read_header();
  Checked check_kind();
  Checked check_sections();
  Checked read_dynamic();
  Checked check_pointers();
  Checked read_flags();
  Checked read_needed();
  Checked read_notes(const Elf64_Phdr& segment);
  Checked take_note(const Elf64_Nhdr& head, std::span<const std::byte> name,
                    std::span<const std::byte> desc);

  [[nodiscard]] std::optional<std::uint64_t> dynamic_value(Elf64_Sxword tag) const noexcept;

  Image image_;
  Elf64_Ehdr header_{};
  std::optional<Segments> segments_;
  std::vector<Elf64_Dyn> dynamic_;
  std::size_t notes_seen_ = 0;
  ElfFacts facts_;
};

std::expected<ElfFacts, Rejection> Reader::read() {
  if (auto done = read_header(); !done) return Refused(std::move(done.error()));
  if (auto done = check_kind(); !done) return Refused(std::move(done.error()));
  if (auto done = check_sections(); !done) return Refused(std::move(done.error()));
  auto segments = Segments::read(image_, header_);
  if (!segments) return Refused(std::move(segments.error()));
  segments_ = std::move(*segments);
  facts_.exec_stack = segments_->exec_stack();
  if (auto done = read_dynamic(); !done) return Refused(std::move(done.error()));
  for (const auto& segment : segments_->all()) {
    if (segment.p_type != PT_NOTE) continue;
    if (auto done = read_notes(segment); !done) return Refused(std::move(done.error()));
  }
  return std::move(facts_);
}

Checked Reader::read_header() {
  constexpr std::string_view magic{ELFMAG, SELFMAG};
  const auto head = image_.slice(0, std::min<std::uint64_t>(image_.size(), SELFMAG));
  const std::string_view start{reinterpret_cast<const char*>(head->data()), head->size()};
  if (start != magic.substr(0, start.size())) {
    return refuse(Code::not_elf, "it is no ELF file", build_shared);
  }
  const auto header = image_.read<Elf64_Ehdr>(0);
  if (!header) return truncated(image_.size(), "ELF header", 0, sizeof(Elf64_Ehdr));
  header_ = *header;
  return {};
}

Checked Reader::check_kind() {
  const auto* ident = header_.e_ident;
  if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
      header_.e_machine != machine_ours) {
    const std::string_view bits = ident[EI_CLASS] == ELFCLASS32 ? "32-bit " : "";
    return refuse(
        Code::wrong_machine,
        fmt::format("it is {}code for {} (ELF machine {}), the daemon runs on {}", bits,
                    machine_name(header_.e_machine), header_.e_machine, machine_name(machine_ours)),
        "build the plugin on, or for, the daemon's machine");
  }
  if (ident[EI_VERSION] != EV_CURRENT || header_.e_version != EV_CURRENT) {
    return malformed("its ELF version is unknown");
  }
  if (ident[EI_OSABI] != ELFOSABI_SYSV && ident[EI_OSABI] != ELFOSABI_GNU) {
    return refuse(Code::wrong_machine, "it is built for another operating system",
                  "build the plugin for Linux");
  }
  if (header_.e_type != ET_DYN) {
    return refuse(Code::not_shared_object, "it is an ELF file, but no shared object", build_shared);
  }
  return {};
}

// The loader ignores sections, but they stand at the end of the file: their table tells a cut tail.
Checked Reader::check_sections() {
  if (header_.e_shoff == 0) return {};
  if (header_.e_shentsize != sizeof(Elf64_Shdr)) return malformed("its section size is wrong");
  std::uint64_t count = header_.e_shnum;
  if (count == 0) {
    const auto first = image_.read<Elf64_Shdr>(header_.e_shoff);
    if (!first) {
      return truncated(image_.size(), "section table", header_.e_shoff, sizeof(Elf64_Shdr));
    }
    count = first->sh_size;
  }
  if (count > UINT32_MAX) return malformed("its section table is too long");
  if (!image_.holds(header_.e_shoff, count * sizeof(Elf64_Shdr))) {
    return truncated(image_.size(), "section table", header_.e_shoff, count * sizeof(Elf64_Shdr));
  }
  return {};
}

Checked Reader::read_dynamic() {
  const auto all = segments_->all();
  const auto found = std::ranges::find(all, Elf64_Word{PT_DYNAMIC}, &Elf64_Phdr::p_type);
  if (found == all.end() || found->p_filesz == 0) {
    return refuse(Code::not_shared_object, "it has no dynamic section", build_shared);
  }
  const std::uint64_t count = found->p_filesz / sizeof(Elf64_Dyn);
  for (std::uint64_t i = 0;; ++i) {
    if (i == count) return malformed("its dynamic section has no end mark");
    if (i == dynamic_entries_max) return malformed("its dynamic section is too long");
    const auto entry = *image_.read<Elf64_Dyn>(found->p_offset + i * sizeof(Elf64_Dyn));
    if (entry.d_tag == DT_NULL) break;
    dynamic_.push_back(entry);
  }
  if (auto done = check_pointers(); !done) return done;
  if (auto done = read_flags(); !done) return done;
  return read_needed();
}

std::optional<std::uint64_t> Reader::dynamic_value(Elf64_Sxword tag) const noexcept {
  const auto found = std::ranges::find(dynamic_, tag, &Elf64_Dyn::d_tag);
  if (found == dynamic_.end()) return std::nullopt;
  return found->d_un.d_val;
}

// What the loader dereferences before it checks anything.
Checked Reader::check_pointers() {
  struct Table {
    Elf64_Sxword pointer, size;
    std::string_view name;
  };
  constexpr Table tables[] = {
      {DT_STRTAB, DT_STRSZ, "string table"},
      {DT_SYMTAB, DT_NULL, "symbol table"},
      {DT_HASH, DT_NULL, "hash table"},
      {DT_GNU_HASH, DT_NULL, "GNU hash table"},
      {DT_RELA, DT_RELASZ, "relocation table"},
      {DT_RELR, DT_RELRSZ, "packed relocation table"},
      {DT_JMPREL, DT_PLTRELSZ, "PLT relocation table"},
      {DT_PLTGOT, DT_NULL, "PLT"},
      {DT_INIT, DT_NULL, "init function"},
      {DT_FINI, DT_NULL, "fini function"},
      {DT_INIT_ARRAY, DT_INIT_ARRAYSZ, "init array"},
      {DT_FINI_ARRAY, DT_FINI_ARRAYSZ, "fini array"},
      {DT_VERSYM, DT_NULL, "version table"},
      {DT_VERNEED, DT_NULL, "table of needed versions"},
      {DT_VERDEF, DT_NULL, "table of defined versions"},
  };
  for (const auto& table : tables) {
    const auto address = dynamic_value(table.pointer);
    if (!address) continue;
    const auto size = table.size == DT_NULL ? 1 : dynamic_value(table.size).value_or(1);
    if (size != 0 && !segments_->is_mapped(*address, size)) {
      return malformed(fmt::format("its {} lies in no loaded segment", table.name));
    }
  }
  for (const auto tag : {DT_STRTAB, DT_STRSZ, DT_SYMTAB}) {
    if (!dynamic_value(tag)) return malformed("its dynamic section has no symbols");
  }
  return {};
}

Checked Reader::read_flags() {
  const auto flags = dynamic_value(DT_FLAGS).value_or(0);
  const auto flags_1 = dynamic_value(DT_FLAGS_1).value_or(0);
  facts_.static_tls = (flags & DF_STATIC_TLS) != 0;
  facts_.no_delete = (flags_1 & DF_1_NODELETE) != 0;
  if ((flags & DF_TEXTREL) != 0 || dynamic_value(DT_TEXTREL)) {
    return refuse(Code::writable_code, "it has text relocations: the loader would write its code",
                  "compile all of it with -fPIC and link with -z text");
  }
  if ((flags_1 & DF_1_PIE) != 0) {
    return refuse(Code::not_shared_object, "it is an executable, no shared object", build_shared);
  }
  if ((flags_1 & DF_1_NOOPEN) != 0) {
    return refuse(Code::not_shared_object, "it is marked as not to be opened at run time",
                  "link it without -z nodlopen");
  }
  return {};
}

Checked Reader::read_needed() {
  const auto offset = segments_->file_offset(*dynamic_value(DT_STRTAB), *dynamic_value(DT_STRSZ));
  if (!offset) return malformed("its string table lies outside of the file");
  const auto bytes = *image_.slice(*offset, *dynamic_value(DT_STRSZ));
  const std::string_view strings{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  for (const auto& entry : dynamic_) {
    if (entry.d_tag != DT_NEEDED) continue;
    if (facts_.needed.size() == needed_max) {
      return malformed(fmt::format("it needs more than {} libraries", needed_max));
    }
    if (entry.d_un.d_val >= strings.size()) return malformed("a library name lies out of bounds");
    const auto rest = strings.substr(static_cast<std::size_t>(entry.d_un.d_val));
    const auto end = rest.find('\0');
    if (end == std::string_view::npos) return malformed("a library name has no end");
    facts_.needed.push_back(rest.substr(0, end));
  }
  return {};
}

Checked Reader::read_notes(const Elf64_Phdr& segment) {
  // Linkers put notes of alignment 8 in a segment of their own; all others are padded to 4.
  const std::uint64_t align = segment.p_align == 8 ? 8 : 4;
  const auto up = [align](std::uint64_t n) { return (n + align - 1) & ~(align - 1); };
  const Image notes{*image_.slice(segment.p_offset, segment.p_filesz)};
  std::uint64_t at = 0;
  while (notes.size() - at >= sizeof(Elf64_Nhdr)) {
    if (++notes_seen_ > notes_max) return malformed(fmt::format("more than {} notes", notes_max));
    const auto head = *notes.read<Elf64_Nhdr>(at);
    const auto desc_at = up(at + sizeof head + head.n_namesz);
    const auto name = notes.slice(at + sizeof head, head.n_namesz);
    const auto desc = notes.slice(desc_at, head.n_descsz);
    if (!name || !desc) return malformed("a note reaches beyond its segment");
    if (auto done = take_note(head, *name, *desc); !done) return done;
    // The last note of a segment may leave out its padding.
    at = std::min(up(desc_at + head.n_descsz), notes.size());
  }
  return {};
}

Checked Reader::take_note(const Elf64_Nhdr& head, std::span<const std::byte> name,
                          std::span<const std::byte> desc) {
  const std::string_view owner{reinterpret_cast<const char*>(name.data()), name.size()};
  if (owner == std::string_view{ELF_NOTE_GNU, sizeof ELF_NOTE_GNU} &&
      head.n_type == NT_GNU_BUILD_ID) {
    facts_.build_id = desc.first(std::min<std::size_t>(desc.size(), 64));
  }
  if (owner == std::string_view{BS_NOTE_OWNER, sizeof BS_NOTE_OWNER} &&
      head.n_type == BS_NOTE_TYPE) {
    if (facts_.has_note) {
      return refuse(Code::note_malformed, "it has two notes of a plugin",
                    "write BACKSTAGE_PLUGIN or BS_NOTE_C once per library");
    }
    facts_.has_note = true;
    facts_.note = desc;
  }
  return {};
}

}  // namespace

std::expected<ElfFacts, Rejection> read_elf(std::span<const std::byte> image) {
  return Reader{image}.read();
}

}  // namespace backstage::plugin_gate
