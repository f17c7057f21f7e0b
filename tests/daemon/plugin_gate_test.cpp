// The gate on legal images, on images wrong in one way each, and on cut and flipped ones.
#include "daemon/plugin_gate/gate.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/values/names.hpp"
#include "daemon/plugin_gate/elf.hpp"
#include "daemon/plugin_gate/hash.hpp"
#include "tests/daemon/elf_image.hpp"
#include "tests/support/catch.hpp"

using namespace backstage::plugin_gate;
using backstage::test::Bytes;
using backstage::test::ElfImage;
using backstage::test::NoteDesc;
using namespace std::literals;

namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Holds what every refusal promises, then gives it back for a closer look.
Rejection refused(const Bytes& image, Code code, const Rules& rules = {}) {
  const auto verdict = judge_image("plugins/x.so", image, rules);
  REQUIRE_FALSE(verdict.has_value());
  const auto& rejection = verdict.error();
  INFO(rejection.text());
  CHECK(token(rejection.code) == token(code));
  CHECK(rejection.file == "plugins/x.so");
  CHECK_FALSE(rejection.cause.empty());
  CHECK_FALSE(rejection.fix.empty());
  const auto text = rejection.text();
  CHECK(contains(text, rejection.file));
  CHECK(contains(text, rejection.cause));
  CHECK(contains(text, rejection.fix));
  CHECK(contains(text, token(code)));
  CHECK(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }));
  return rejection;
}

Bytes with_note(const NoteDesc& note) {
  ElfImage image;
  image.notes = {note.bytes()};
  return image.bytes();
}

Bytes with_keys(std::string_view keys) {
  NoteDesc note;
  note.keys = keys;
  return with_note(note);
}

// Cuts of `image` that are not refused. Each cut is a buffer of its own, so that a sanitizer sees
// the first byte read beyond it.
std::size_t cuts_accepted(const Bytes& image) {
  std::size_t accepted = 0;
  for (std::size_t size = 0; size < image.size(); ++size) {
    const Bytes cut(image.begin(), image.begin() + static_cast<std::ptrdiff_t>(size));
    const auto facts = read_elf(cut);
    if (facts || facts.error().code != Code::elf_truncated) ++accepted;
  }
  return accepted;
}

bool is_sound(const Manifest& manifest) {
  return !manifest.id.empty() && !manifest.version.empty() && !manifest.types.empty() &&
         std::ranges::all_of(manifest.types, backstage::is_type_name) &&
         manifest.id.find('/') == std::string::npos && manifest.abi_major == 1;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Bytes bytes;
  backstage::test::append(bytes, text);
  return bytes;
}

}  // namespace

TEST_CASE("a legal plugin is admitted with all it says about itself", "[gate]") {
  const auto bytes = ElfImage{}.bytes();
  const auto manifest = judge_image("x.so", bytes);
  REQUIRE(manifest.has_value());
  CHECK(manifest->id == "org.example.echo");
  CHECK(manifest->version == "1.2.0");
  CHECK(manifest->types == std::vector<std::string>{"echo", "echo.loud"});
  CHECK(manifest->sdk == "t/1");
  CHECK(manifest->lang == "c");
  CHECK(manifest->abi_major == 1);
  CHECK(manifest->abi_minor_required == 0);
  CHECK(manifest->flags == 1);
  CHECK(manifest->build_id == "abcd");
  CHECK(manifest->needed == std::vector<std::string>{"libc.so.6"});
  CHECK(manifest->sha256 == sha256_hex(bytes));
  CHECK_FALSE(manifest->static_tls);
  CHECK_FALSE(manifest->no_delete);
}

TEST_CASE("sha256 agrees with the published test vectors", "[gate]") {
  Bytes abc;
  CHECK(sha256_hex(abc) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  backstage::test::append(abc, "abc");
  CHECK(sha256_hex(abc) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("every code has a token of its own", "[gate]") {
  std::vector<std::string_view> seen;
  for (std::size_t i = 0; i < code_count; ++i) {
    const auto text = token(static_cast<Code>(i));
    CHECK_FALSE(text.empty());
    CHECK(std::ranges::find(seen, text) == seen.end());
    CHECK(code_of(text) == static_cast<Code>(i));
    seen.push_back(text);
  }
  CHECK_FALSE(code_of("NO_SUCH_CODE").has_value());
}

TEST_CASE("a plugin cut at any byte is refused as truncated", "[gate]") {
  CHECK(cuts_accepted(ElfImage{}.bytes()) == 0);
}

TEST_CASE("the cut is explained with the byte where the file ends", "[gate]") {
  auto bytes = ElfImage{}.bytes();
  bytes.resize(bytes.size() - 1);
  const auto rejection = refused(bytes, Code::elf_truncated);
  CHECK(contains(rejection.cause, std::to_string(bytes.size())));
  CHECK(contains(rejection.cause, "section table"));
  CHECK(rejection.sha256 == sha256_hex(bytes));
}

TEST_CASE("no flipped bit breaks the gate", "[gate]") {
  const auto whole = ElfImage{}.bytes();
  std::size_t unsound = 0;
  std::size_t refusals = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto bytes = whole;
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto verdict = judge_image("x.so", bytes);
    if (!verdict) ++refusals;
    if (verdict && !is_sound(*verdict)) ++unsound;
  }
  CHECK(unsound == 0);
  CHECK(refusals > 500);
}

TEST_CASE("no smashed header field breaks the gate", "[gate]") {
  const auto whole = ElfImage{}.bytes();
  std::size_t unsound = 0;
  for (const std::uint64_t value : {0ULL, 1ULL, 0x7fffffffffffffffULL, ~0ULL, ~0ULL - 4095}) {
    for (std::size_t at = 16; at + 8 <= whole.size(); ++at) {
      auto bytes = whole;
      backstage::test::write_value(bytes, at, value);
      const auto verdict = judge_image("x.so", bytes);
      if (verdict && !is_sound(*verdict)) ++unsound;
    }
  }
  CHECK(unsound == 0);
}

TEST_CASE("what is no ELF shared object of this machine is refused by name", "[gate]") {
  Bytes text;
  backstage::test::append(text, "#!/bin/sh\necho hello, I am only called plugin.so\n");
  refused(text, Code::not_elf);
  refused({}, Code::elf_truncated);

  const auto other = refused(ElfImage{.machine = EM_S390}.bytes(), Code::wrong_machine);
  CHECK(contains(other.cause, "IBM Z"));
  const auto narrow =
      refused(ElfImage{.machine = EM_386, .word_class = ELFCLASS32}.bytes(), Code::wrong_machine);
  CHECK(contains(narrow.cause, "32-bit"));

  refused(ElfImage{.type = ET_EXEC}.bytes(), Code::not_shared_object);
  refused(ElfImage{.type = ET_REL}.bytes(), Code::not_shared_object);
  refused(ElfImage{.has_dynamic = false}.bytes(), Code::not_shared_object);
  refused(ElfImage{.dynamic_extra = {{DT_FLAGS_1, {DF_1_PIE}}}}.bytes(), Code::not_shared_object);
}

TEST_CASE("an executable stack is refused, said or unsaid", "[gate]") {
  refused(ElfImage{.stack_flags = PF_R | PF_W | PF_X}.bytes(), Code::exec_stack);
  const auto unsaid = refused(ElfImage{.stack_flags = std::nullopt}.bytes(), Code::exec_stack);
  CHECK(contains(unsaid.fix, "noexecstack"));
}

TEST_CASE("code that can be written is refused", "[gate]") {
  refused(ElfImage{.load_flags = PF_R | PF_W | PF_X}.bytes(), Code::writable_code);
  refused(ElfImage{.dynamic_extra = {{DT_TEXTREL, {0}}}}.bytes(), Code::writable_code);
}

TEST_CASE("pointers the loader follows must lie in loaded segments", "[gate]") {
  for (const Elf64_Sxword tag : {DT_HASH, DT_GNU_HASH, DT_RELA, DT_JMPREL, DT_INIT, DT_INIT_ARRAY,
                                 DT_VERSYM, DT_VERNEED, DT_PLTGOT}) {
    const auto rejection =
        refused(ElfImage{.dynamic_extra = {{tag, {0x10000000}}}}.bytes(), Code::elf_malformed);
    CHECK(contains(rejection.cause, "no loaded segment"));
  }
  const std::vector<Elf64_Dyn> relocations{{DT_RELA, {64}}, {DT_RELASZ, {~0ULL - 32}}};
  refused(ElfImage{.dynamic_extra = relocations}.bytes(), Code::elf_malformed);
  refused(ElfImage{.dynamic_extra = {{DT_NEEDED, {1U << 20U}}}}.bytes(), Code::elf_malformed);
}

TEST_CASE("a plugin that would map a gigabyte is refused", "[gate]") {
  auto bytes = ElfImage{}.bytes();
  backstage::test::write_value(bytes, ElfImage::load_at + offsetof(Elf64_Phdr, p_memsz),
                               1ULL << 40U);
  refused(bytes, Code::too_large);
}

TEST_CASE("loader hints are reported", "[gate]") {
  const auto bytes =
      ElfImage{.dynamic_extra = {{DT_FLAGS, {DF_STATIC_TLS}}, {DT_FLAGS_1, {DF_1_NODELETE}}}}
          .bytes();
  const auto manifest = judge_image("x.so", bytes);
  REQUIRE(manifest.has_value());
  CHECK(manifest->static_tls);
  CHECK(manifest->no_delete);
}

TEST_CASE("a library without the note is no plugin", "[gate]") {
  const auto rejection = refused(ElfImage{.notes = {}}.bytes(), Code::no_note);
  CHECK(contains(rejection.fix, "BACKSTAGE_PLUGIN"));
}

TEST_CASE("two notes are refused", "[gate]") {
  ElfImage image;
  image.notes.push_back(image.notes.front());
  refused(image.bytes(), Code::note_malformed);
}

TEST_CASE("a note longer than its segment is refused", "[gate]") {
  auto bytes = ElfImage{}.bytes();
  backstage::test::write_value(bytes, ElfImage::body_at + offsetof(Elf64_Nhdr, n_descsz),
                               0xfffffff0U);
  refused(bytes, Code::elf_malformed);
}

TEST_CASE("an ABI the daemon does not offer is refused with both versions", "[gate]") {
  NoteDesc note;
  note.abi_minor_required = 4;
  auto rejection = refused(with_note(note), Code::abi_minor);
  CHECK(contains(rejection.text(), "needs ABI 1.4, the daemon has 1.0"));
  CHECK(contains(rejection.fix, "upgrade backstaged or build the plugin against an older SDK"));
  CHECK(judge_image("x.so", with_note(note), {.abi = {1, 4}}).has_value());

  note.abi_major = 2;
  rejection = refused(with_note(note), Code::abi_major);
  CHECK(contains(rejection.text(), "needs ABI 2.4, the daemon has 1.0"));

  note.abi_major = 0;
  rejection = refused(with_note(note), Code::abi_major);
  CHECK(contains(rejection.fix, "with the daemon's SDK"));

  note.format = 7;
  rejection = refused(with_note(note), Code::note_version);
  CHECK(contains(rejection.cause, "format 7"));
}

TEST_CASE("a plugin that wants a process of its own is refused for now", "[gate]") {
  NoteDesc note;
  note.flags = 2;
  refused(with_note(note), Code::needs_isolation);
}

TEST_CASE("with a list of hashes only those files are admitted", "[gate]") {
  const auto bytes = ElfImage{}.bytes();
  const Rules rules{.allowed = {std::string(64, '0'), sha256_hex(bytes)}};
  CHECK(judge_image("x.so", bytes, rules).has_value());

  auto other = bytes;
  other.push_back({});
  const auto rejection = refused(other, Code::not_allowed, rules);
  CHECK(contains(rejection.cause, sha256_hex(other)));
  CHECK(contains(rejection.fix, "/plugins/allow_sha256"));
  CHECK(rejection.sha256 == sha256_hex(other));
  // What is not on the list is not looked into, however broken it is.
  refused({}, Code::not_allowed, rules);
}

TEST_CASE("each mistake in the note's keys is refused with its own code", "[gate]") {
  struct Row {
    std::string_view keys;
    Code code;
    std::string_view mention;
  };
  const Row rows[] = {
      {""sv, Code::bad_id, "''"},
      {"version=1\0types=a\0"sv, Code::bad_id, "''"},
      {"id=../../etc/x\0version=1\0types=a\0"sv, Code::bad_id, "../../etc/x"},
      {"id=.hidden\0version=1\0types=a\0"sv, Code::bad_id, ".hidden"},
      {"id=a\x1b[31m\0version=1\0types=a\0"sv, Code::bad_id, "a\\x1b[31m"},
      {"id=a\0types=a\0"sv, Code::bad_version, "''"},
      {"id=a\0version=latest\0types=a\0"sv, Code::bad_version, "latest"},
      {"id=a\0version=1/2\0types=a\0"sv, Code::bad_version, "1/2"},
      {"id=a\0version=1\0"sv, Code::bad_types, "no actor type"},
      {"id=a\0version=1\0types=\0"sv, Code::bad_types, "no actor type"},
      {"id=a\0version=1\0types=a;\0"sv, Code::bad_types, "''"},
      {"id=a\0version=1\0types=a;b;a\0"sv, Code::bad_types, "'a' twice"},
      {"id=a\0version=1\0types=a b\0"sv, Code::bad_types, "'a b'"},
      {"id=a\0version=1\0types=$x\0"sv, Code::bad_types, "'$x'"},
      {"id=a\0id=b\0version=1\0types=a\0"sv, Code::note_malformed, "'id' twice"},
      {"id=a\0version\0types=a\0"sv, Code::note_malformed, "'version'"},
      {"id=a\0=1\0types=a\0"sv, Code::note_malformed, "'=1'"},
      {"id=a\0\0version=1\0types=a\0"sv, Code::note_malformed, "''"},
      {"id=a\0version=1\0types=a"sv, Code::note_malformed, "ends inside"},
      {"id=a\0version=1\0types=a\0sdk=\n\0"sv, Code::note_malformed, "printable"},
  };
  for (const auto& row : rows) {
    INFO(printable(row.keys));
    const auto rejection = refused(with_keys(row.keys), row.code);
    CHECK(contains(rejection.cause, row.mention));
  }
}

TEST_CASE("limits of the note hold", "[gate]") {
  std::string keys{"id=a\0version=1\0types=a\0"sv};
  for (std::size_t i = 0; i < note_keys_max; ++i) keys += "k" + std::to_string(i) + "=\0"s;
  refused(with_keys(keys), Code::note_malformed);

  std::string types = "types=t0";
  for (std::size_t i = 1; i < types_max; ++i) types += ";t" + std::to_string(i);
  const std::string head{"id=a\0version=1\0"sv};
  const auto full = judge_image("x.so", with_keys(head + types + "\0"s));
  REQUIRE(full.has_value());
  CHECK(full->types.size() == types_max);
  refused(with_keys(head + types + ";more\0"s), Code::bad_types);
  refused(with_keys(std::string(note_bytes_max, 'x')), Code::note_malformed);
}

TEST_CASE("keys and padding of a later SDK are skipped", "[gate]") {
  CHECK(
      judge_image("x.so", with_keys("id=a\0version=1\0types=a\0color=blue\0\0\0\0"sv)).has_value());
}

#ifdef BACKSTAGE_TEST_PLUGIN
TEST_CASE("a real plugin of this build is admitted, and refused at every cut", "[gate]") {
  // By its bytes: where the checkout stands and who owns it is none of this test's business.
  const auto bytes = read_file(BACKSTAGE_TEST_PLUGIN);
  const auto manifest = judge_image("counter_c.so", bytes);
  if (!manifest) FAIL(manifest.error().text());
  CHECK(is_sound(*manifest));
  CHECK(manifest->types == std::vector<std::string>{"counter_c"});
  CHECK(cuts_accepted(bytes) == 0);
}

TEST_CASE("no flipped bit in the headers of a real plugin breaks the gate", "[gate]") {
  const auto whole = read_file(BACKSTAGE_TEST_PLUGIN);
  REQUIRE(whole.size() > 4096);
  std::size_t refusals = 0;
  auto bytes = whole;
  for (std::size_t bit = 0; bit < std::size_t{4096} * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    if (!read_elf(bytes)) ++refusals;
    bytes[bit / 8] = whole[bit / 8];
  }
  CHECK(refusals > 100);
}
#endif
