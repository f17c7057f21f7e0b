// Statics of two generations: shared as g++ makes them, each its own once they are demoted.
#include "daemon/plugin_gate/unique.hpp"

#include <dlfcn.h>

#include <filesystem>
#include <fstream>

#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/function_name.hpp"
#include "daemon/plugin_gate/gate.hpp"
#include "daemon/plugin_gate/symbol_table.hpp"
#include "tests/daemon/elf_image.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

using namespace backstage::plugin_gate;
using backstage::test::Bytes;
using backstage::test::ElfImage;
using backstage::test::NoteDesc;
using namespace std::literals;
namespace fs = std::filesystem;

namespace {

Bytes read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  Bytes bytes;
  backstage::test::append(bytes, std::string{std::istreambuf_iterator<char>(file), {}});
  return bytes;
}

Bytes generation(int number) {
  return read_file(fs::path{BACKSTAGE_UNIQUE_PLUGINS} /
                   ("unique_" + std::to_string(number) + ".so"));
}

// A library mapped as the daemon maps plugins. Never unmapped: shared statics forbid it anyway.
class Mapped {
 public:
  explicit Mapped(const fs::path& path) : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    const char* error = handle_ == nullptr ? ::dlerror() : nullptr;
    INFO((error == nullptr ? "" : error));
    REQUIRE(handle_ != nullptr);
  }
  [[nodiscard]] long call(const char* name) const {
    auto* const function = reinterpret_cast<long (*)()>(::dlsym(handle_, name));
    REQUIRE(function != nullptr);
    return function();
  }

 private:
  void* handle_;
};

fs::path add(const backstage::daemon::TempDir& folder, const std::string& name,
             const Bytes& bytes) {
  folder.write(name, backstage::test::text_of(bytes));
  return folder.path(name);
}

}  // namespace

TEST_CASE("two generations share an inline static as g++ builds it", "[gate]") {
  // What this is about, not what is wanted: should it fail, demotion has become needless.
  const backstage::daemon::TempDir folder;
  const Mapped first{add(folder, "shared_1.so", generation(1))};
  const Mapped second{add(folder, "shared_2.so", generation(2))};
  CHECK(first.call("turn_page") == 1);
  CHECK(first.call("turn_page") == 2);
  // The second reads its magic number where the first keeps its pages.
  CHECK(second.call("read_magic") == 2);
}

TEST_CASE("two generations have statics of their own once they are demoted", "[gate]") {
  const backstage::daemon::TempDir folder;
  auto one = generation(1);
  auto two = generation(2);
  CHECK(demote_unique(one) >= 2);
  CHECK(demote_unique(two) >= 2);
  const Mapped first{add(folder, "own_1.so", one)};
  const Mapped second{add(folder, "own_2.so", two)};
  CHECK(first.call("turn_page") == 1);
  CHECK(first.call("turn_page") == 2);
  CHECK(second.call("read_magic") == 2222);
  CHECK(second.call("turn_page") == 1);
  CHECK(first.call("turn_page") == 3);
}

TEST_CASE("the manifest says how many statics a plugin would share", "[gate]") {
  auto image = generation(1);
  const auto before = judge_image("x.so", image);
  if (!before) FAIL(before.error().text());
  CHECK(before->unique_symbols == count_unique(image));
  CHECK(before->unique_symbols >= 2);
  CHECK(demote_unique(image) == before->unique_symbols);
  const auto after = judge_image("x.so", image);
  REQUIRE(after);
  CHECK(after->unique_symbols == 0);
  CHECK(after->types == before->types);
  CHECK(demote_unique(image) == 0);
}

TEST_CASE("the number of symbols is found without the old hash table and without sections",
          "[gate]") {
  auto image = generation(1);
  const auto by_hash = dynamic_symbols(Image{image});
  const auto by_section = section_symbols(Image{image}, SHT_DYNSYM);
  REQUIRE(by_hash);
  REQUIRE(by_section);
  CHECK(by_hash->offset == by_section->symbols.offset);
  CHECK(by_hash->count == by_section->symbols.count);
  backstage::test::write_value(image, offsetof(Elf64_Ehdr, e_shoff), std::uint64_t{0});
  backstage::test::write_value(image, offsetof(Elf64_Ehdr, e_shnum), std::uint16_t{0});
  CHECK_FALSE(section_symbols(Image{image}, SHT_DYNSYM));
  CHECK(demote_unique(image) >= 2);
}

TEST_CASE("cutting and smashing a plugin leads demotion nowhere outside of it", "[gate]") {
  const auto whole = generation(1);
  std::size_t admitted = 0;
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    // A buffer of its own, so that a sanitizer sees the first byte beyond it.
    Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    admitted += demote_unique(cut);
  }
  CHECK(admitted == 0);
  for (const std::uint64_t value : {0ULL, 1ULL, 0x7fffffffffffffffULL, ~0ULL, ~0ULL - 4095}) {
    for (std::size_t at = 0; at + 8 <= std::min<std::size_t>(whole.size(), 4096); at += 4) {
      auto bytes = whole;
      backstage::test::write_value(bytes, at, value);
      const bool was_sound = read_elf(bytes).has_value();
      demote_unique(bytes);
      // Demotion must not undo what the gate has admitted.
      if (was_sound) CHECK(read_elf(bytes));
    }
  }
}

TEST_CASE("a symbol table laid over what was judged is left alone", "[gate]") {
  // Symbols from byte 20 on, so that the fifth byte of the thirteenth is the length of the note.
  constexpr std::size_t note_length_at = 312;
  constexpr std::size_t keys_at = 348;
  NoteDesc note;
  note.keys = std::string{"\1\0\0\0\x14\0\0\0"sv} + std::string(0xa4 - 16 - 8, 'x');
  const ElfImage made{.notes = {note.bytes()}, .dynamic_extra = {{DT_HASH, {keys_at}}}};
  auto image = made.bytes();
  for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= image.size(); ++at) {
    const auto entry = Image{image}.read<Elf64_Dyn>(at);
    if (entry->d_tag == DT_SYMTAB && entry->d_un.d_ptr < image.size() && at % 8 == 0) {
      backstage::test::write_value(image, at + offsetof(Elf64_Dyn, d_un), std::uint64_t{20});
    }
  }
  const auto facts = read_elf(image);
  if (!facts) FAIL(facts.error().text());
  REQUIRE(image[note_length_at] == std::byte{0xa4});
  REQUIRE(count_unique(image) >= 1);
  const auto untouched = image;
  CHECK(demote_unique(image) == 0);
  CHECK(image == untouched);
}

TEST_CASE("a function is named by its place in the file", "[gate]") {
  const auto image = generation(1);
  const auto symbols = section_symbols(Image{image}, SHT_DYNSYM);
  REQUIRE(symbols);
  bool is_found = false;
  for (std::uint64_t offset = 0; offset < image.size() && !is_found; offset += 4) {
    is_found = function_at(image, offset).value_or("").starts_with("turn_page+");
  }
  CHECK(is_found);
  CHECK_FALSE(function_at(image, 0));
  CHECK_FALSE(function_at(image, ~0ULL));
  CHECK_FALSE(function_at({}, 0));
}
