#include "daemon/symbols.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <sstream>

namespace backstage::daemon {
namespace {

constexpr std::size_t name_bytes_max = 120;
// The frame at which the actor's own code begins; what called it is the engine's business.
constexpr std::string_view engine_frame = "backstage::Cell::";

std::string demangled(const char* name) {
  int status = -1;
  const std::unique_ptr<char, void (*)(void*)> text{
      abi::__cxa_demangle(name, nullptr, nullptr, &status), &std::free};
  return status == 0 ? text.get() : name;
}

// Where the list of arguments begins: what the last parenthesis closes.
std::size_t arguments_of(std::string_view name) noexcept {
  std::size_t depth = 0;
  for (std::size_t at = name.rfind(')'); at < name.size(); --at) {
    if (name[at] == ')') ++depth;
    if (name[at] == '(' && --depth == 0) return at;
  }
  return std::string_view::npos;
}

std::string shortened(std::string name) {
  constexpr std::string_view noise = "(anonymous namespace)::";
  for (auto at = name.find(noise); at != std::string::npos; at = name.find(noise)) {
    name.erase(at, noise.size());
  }
  if (name.size() <= name_bytes_max) return name;
  // Arguments first: it is the name that is looked for.
  if (const auto at = arguments_of(name); at != std::string::npos)
    name.replace(at, name.npos, "(...)");
  if (name.size() > name_bytes_max) name.replace(name_bytes_max, name.npos, "...");
  return name;
}

std::string_view leaf_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace

/// One ELF file, mapped to be read. Every access is checked: the file may have changed since.
class Symbols::File {
 public:
  explicit File(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    struct stat facts{};
    if (::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
      size_ = static_cast<std::size_t>(facts.st_size);
      bytes_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (bytes_ == MAP_FAILED) bytes_ = nullptr;
    }
    ::close(fd);
    const auto header = read<Elf64_Ehdr>(0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64) {
      return;
    }
    for (std::size_t i = 0; i < header->e_phnum; ++i) {
      const auto segment = read<Elf64_Phdr>(header->e_phoff + i * sizeof(Elf64_Phdr));
      if (segment && segment->p_type == PT_LOAD) segments_.push_back(*segment);
    }
    for (std::size_t i = 0; i < header->e_shnum; ++i) {
      const auto section = read<Elf64_Shdr>(header->e_shoff + i * sizeof(Elf64_Shdr));
      if (section) sections_.push_back(*section);
    }
  }
  ~File() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  struct Found {
    std::string name;
    std::uint64_t offset = 0;
  };
  /// The function that holds the byte at `offset` of the file.
  [[nodiscard]] std::optional<Found> find(std::uint64_t offset) const {
    const auto address = address_of(offset);
    if (!address) return std::nullopt;
    for (const auto wanted : {Elf64_Word{SHT_SYMTAB}, Elf64_Word{SHT_DYNSYM}}) {
      for (const auto& section : sections_) {
        if (section.sh_type != wanted || section.sh_link >= sections_.size()) continue;
        if (auto found = find_in(section, sections_[section.sh_link], *address)) return found;
      }
    }
    return std::nullopt;
  }

 private:
  template <class Part>
  [[nodiscard]] std::optional<Part> read(std::uint64_t offset) const {
    if (bytes_ == nullptr || offset > size_ || size_ - offset < sizeof(Part)) return std::nullopt;
    Part part;
    std::memcpy(&part, static_cast<const char*>(bytes_) + offset, sizeof part);
    return part;
  }

  [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t offset) const {
    for (const auto& segment : segments_) {
      if (offset < segment.p_offset || offset - segment.p_offset >= segment.p_filesz) continue;
      return offset - segment.p_offset + segment.p_vaddr;
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Found> find_in(const Elf64_Shdr& table, const Elf64_Shdr& names,
                                             std::uint64_t address) const {
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

  [[nodiscard]] std::string name_at(const Elf64_Shdr& names, std::uint64_t index) const {
    const std::uint64_t begin = names.sh_offset + index;
    if (index >= names.sh_size || begin >= size_) return "?";
    const char* text = static_cast<const char*>(bytes_) + begin;
    return {text, ::strnlen(text, std::min(names.sh_size - index, size_ - begin))};
  }

  void* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
};

// A line is "begin-end perms offset device inode path", the numbers without 0x.
Symbols::Symbols() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    Mapping mapping;
    char dash = 0;
    std::string perms;
    std::string device;
    std::string inode;
    words >> std::hex >> mapping.begin >> dash >> mapping.end >> perms >> mapping.offset >>
        device >> inode;
    if (!words || perms.find('x') == std::string::npos) continue;
    std::getline(words >> std::ws, mapping.path);
    mappings_.push_back(std::move(mapping));
  }
}

Symbols::~Symbols() = default;

const Symbols::File& Symbols::file_of(const std::string& path) const {
  for (const auto& [known, file] : files_) {
    if (known == path) return *file;
  }
  return *files_.emplace_back(path, std::make_unique<File>(path)).second;
}

std::string Symbols::name_of(const void* address) const {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  const auto mapping = std::find_if(mappings_.begin(), mappings_.end(), [&](const auto& it) {
    return number >= it.begin && number < it.end;
  });
  if (mapping == mappings_.end() || mapping->path.empty()) return fmt::format("{:#x}", number);
  const std::uint64_t offset = number - mapping->begin + mapping->offset;
  const auto leaf = leaf_of(mapping->path);
  const auto found = file_of(mapping->path).find(offset);
  if (!found) return fmt::format("{}+{:#x}", leaf, offset);
  return fmt::format("{}+{:#x} {}", shortened(demangled(found->name.c_str())), found->offset, leaf);
}

std::string stack_text(const std::vector<const void*>& frames, std::size_t bytes_max) {
  constexpr std::string_view between = " < ";
  constexpr std::string_view more = " < ...";
  const Symbols symbols;
  std::string text;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    // A return address may be the first of the next function: the call is the byte before it.
    const auto* at = static_cast<const char*>(frames[i]) - (i == 0 ? 0 : 1);
    const auto name = symbols.name_of(at);
    if (text.size() + between.size() + name.size() + more.size() > bytes_max) {
      text += more;
      break;
    }
    if (!text.empty()) text += between;
    text += name;
    if (name.starts_with(engine_frame)) break;
  }
  return text;
}

}  // namespace backstage::daemon
