#include "daemon/crash/symbols.hpp"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "daemon/crash/frame_names.hpp"

namespace backstage::crash {
namespace {

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
  if (name.size() <= frame_name_bytes_max) return name;
  // Arguments first: it is the name that is looked for.
  if (const auto at = arguments_of(name); at != std::string::npos)
    name.replace(at, name.npos, "(...)");
  if (name.size() > frame_name_bytes_max) name.replace(frame_name_bytes_max, name.npos, "...");
  return name;
}

}  // namespace

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

const ElfSymbols& Symbols::file_of(const std::string& path) const {
  for (const auto& [known, file] : files_) {
    if (known == path) return file;
  }
  return files_.emplace_back(path, ElfSymbols(path.c_str())).second;
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
  return fmt::format("{}+{:#x} {}", shortened(demangled(std::string{found->name}.c_str())),
                     found->offset, leaf);
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

}  // namespace backstage::crash
