// Every way a plugin can be broken: the refusal names file, cause and fix, and the others load.
#include "tests/daemon/plugin_host_theatre.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host::test {

TEST_CASE("each broken plugin is refused with its code, cause and fix", "[plugin_host]") {
  const struct {
    std::string_view name, code, cause, fix;
  } rows[] = {
      {"no_note", "NO_NOTE", "no note", "BS_NOTE_C"},
      {"abi_major", "ABI_MAJOR", "9.0", "upgrade"},
      {"isolated", "NEEDS_ISOLATION", "process of its own", "BS_NEEDS_ISOLATION"},
      {"no_entry", "NO_ENTRY", "does not export backstage_plugin_v1", "BACKSTAGE_PLUGIN"},
      {"entry_refuses", "ENTRY_REFUSED", "only for hosts with a moon", "what it says"},
      {"init_fails", "INIT_FAILED", "the door in the back is locked",
       "/plugins/config/test.defect"},
      {"init_silent", "INIT_FAILED", "init answered busy (-5)", "/plugins/config/test.defect"},
      {"throws_in_init", "INIT_FAILED", "an exception left the plugin's init",
       "/plugins/config/test.throws"},
      {"missing_symbol", "SYMBOL_MISSING", "a_function_that_nobody_defines", "-z,defs"},
      {"missing_library", "LIBRARY_MISSING", "libbackstage_absent.so", "install the package"},
      {"small_descriptor", "DESCRIPTOR_BAD", "struct_size 8", "build it again"},
      {"no_receive", "DESCRIPTOR_BAD", "receive", "build it again"},
      {"id_mismatch", "DESCRIPTOR_MISMATCH", "'test.other'", "same values"},
      {"version_mismatch", "DESCRIPTOR_MISMATCH", "'3.0.0'", "same values"},
      {"types_mismatch", "DESCRIPTOR_MISMATCH", "types 'other'", "same values"},
      {"flags_mismatch", "DESCRIPTOR_MISMATCH", "flags '0'", "same values"},
      {"threads_unjoined", "DESCRIPTOR_BAD", "BS_HAS_THREADS", "build it again"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Theatre theatre;
    theatre.drop(bad(row.name));
    theatre.drop(bad("second"));
    theatre.drop(shipped("echo"));
    const auto loaded = theatre.load();
    CHECK(loaded.active == 2);
    CHECK(loaded.rejected == 1);

    const auto file = std::string{row.name} + ".so";
    const auto info = theatre.info(file);
    CAPTURE(theatre.refusal(file));
    CHECK(info.file == (theatre.directory.path() / file).string());
    CHECK(info.code == row.code);
    CHECK(info.reason.find(row.cause) != std::string::npos);
    CHECK(info.fix.find(row.fix) != std::string::npos);
    CHECK(info.sha256.size() == 64);
    CHECK(theatre.events.has("refused " + file + " " + std::string{row.code}));
    CHECK(theatre.stage.engine.spawn({.type = "defect", .name = "x"}).error() == Errc::no_type);
    theatre.stage.spawn("echo", "echo");
    CHECK(theatre.ask("echo", "here") == "here");
  }
}

TEST_CASE("files that are no plugins at all are refused beside a good one", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(shipped("echo"));
  theatre.drop(shipped("echo"), "cut.so");
  fs::resize_file(theatre.directory.path() / "cut.so", 1000);
  theatre.drop(shipped("echo"), "empty.so");
  fs::resize_file(theatre.directory.path() / "empty.so", 0);
  fs::create_directory(theatre.directory.path() / "directory.so");
  fs::create_symlink("nowhere", theatre.directory.path() / "link.so");
  theatre.drop(shipped("counter"), "open.so");
  fs::permissions(theatre.directory.path() / "open.so", fs::perms::others_write,
                  fs::perm_options::add);
  CHECK(theatre.load().active == 1);
  CHECK(theatre.info("cut.so").code == "ELF_TRUNCATED");
  CHECK(theatre.info("empty.so").state == State::rejected);
  CHECK(theatre.info("directory.so").code == "NOT_REGULAR");
  CHECK(theatre.info("link.so").code == "SYMLINK");
  CHECK(theatre.info("open.so").code == "WRITABLE_FILE");
}

TEST_CASE("control bytes in a file name never reach the texts", "[plugin_host]") {
  Theatre theatre;
  theatre.drop(bad("no_entry"), "evil\n[ok] all fine\x1b[2J.so");
  theatre.load();
  const auto plugins = theatre.host->list();
  REQUIRE(plugins.size() == 1);
  CHECK(plugins[0].file.find('\n') == std::string::npos);
  CHECK(plugins[0].file.find("evil\\x0a") != std::string::npos);
}

TEST_CASE("larger tables of a later minor version are read as far as they are known",
          "[plugin_host]") {
  Theatre theatre;
  theatre.play({bad("sound")});
  theatre.stage.spawn("defect", "actor");
  CHECK(theatre.ask("actor", "") == "1.0.0");
}

}  // namespace backstage::plugin_host::test
