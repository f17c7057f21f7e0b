// The ABI as built: layout in C++, stable numbers, the note and the symbols of every plugin's file.
#include <array>
#include <cstdio>
#include <memory>
#include <set>
#include <string>

#include <backstage/status.hpp>

#include "core/values/errc.hpp"
#include "tests/plugins/abi_layout.h"
#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

extern "C" {
extern const bs_status abi_statuses_in_c[];
extern const std::size_t abi_statuses_in_c_count;
int abi_has_log(const bs_api* api);
int abi_has_set_error(const bs_api* api);
}

namespace {

struct Built {
  std::string path;
  std::string id;
  std::string types;
  std::string lang;
};

std::string shipped(const std::string& name) { return PLUGINS_DIR "/" + name + ".so"; }

const std::array<Built, 7> all_built{{
    {shipped("echo"), "org.backstage.echo", "echo", "c++"},
    {shipped("counter"), "org.backstage.counter", "counter", "c++"},
    {shipped("counter_c"), "org.backstage.counter_c", "counter_c", "c"},
    {shipped("ticker"), "org.backstage.ticker", "ticker", "c++"},
    {shipped("crashy"), "org.backstage.crashy", "crashy", "c++"},
    {shipped("airport"), "org.backstage.airport", "airport", "c++"},
    {TEST_PLUGINS_DIR "/probe.so", "org.backstage.probe", "probe", "c++"},
}};

std::string output_of(const std::string& command) {
  struct Close {
    void operator()(std::FILE* file) const noexcept { pclose(file); }
  };
  // NOLINTNEXTLINE(cert-env33-c): the build machine's own tools on paths of the build tree
  const std::unique_ptr<std::FILE, Close> pipe{popen(command.c_str(), "r")};
  REQUIRE(pipe != nullptr);
  std::string text;
  std::array<char, 4096> part{};
  while (const std::size_t size = std::fread(part.data(), 1, part.size(), pipe.get())) {
    text.append(part.data(), size);
  }
  return text;
}

bool contains(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("status numbers are distinct, stable and the same in C and C++", "[abi]") {
  std::set<bs_status> seen;
  for (std::size_t i = 0; i < abi_statuses_in_c_count; ++i) {
    const bs_status code = abi_statuses_in_c[i];
    INFO(code);
    CHECK(seen.insert(code).second);
    CHECK(backstage::status_name(code) != "unknown");
  }
  CHECK(BS_E_ARG == -2);
  CHECK(BS_E_NO_ACTOR == -16);
  CHECK(BS_E_SLOW_CONSUMER == -39);
  CHECK(BS_E_CALL_CYCLE == -40);
  CHECK(BS_E_NO_MEMORY == -41);
  CHECK(BS_E_THREADS_FULL == -42);
  CHECK(backstage::status_name(-43) == "unknown");
}

TEST_CASE("the ids of extensions, the note's names and the entry are spelt as ever", "[abi]") {
  CHECK(std::string_view{BS_EXT_TIMERS} == "backstage.timers/1");
  CHECK(std::string_view{BS_EXT_MONITOR} == "backstage.monitor/1");
  CHECK(std::string_view{BS_EXT_INTEREST} == "backstage.interest/1");
  CHECK(std::string_view{BS_EXT_METRICS} == "backstage.metrics/1");
  CHECK(std::string_view{BS_NOTE_SECTION} == ".note.backstage");
  CHECK(std::string_view{BS_NOTE_OWNER} == "backstage");
}

TEST_CASE("every error of the engine has a status of the same name", "[abi]") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < abi_statuses_in_c_count; ++i) {
    names.insert(backstage::status_name(abi_statuses_in_c[i]));
  }
  for (std::size_t i = 0; i < backstage::errc_count; ++i) {
    const auto name = backstage::token(static_cast<backstage::Errc>(i));
    INFO(name);
    CHECK(names.contains(name));
  }
}

TEST_CASE("a field is there only if the other side's table reaches it and has it set", "[abi]") {
  const FakeHost host;
  bs_api api = *host.api();
  CHECK(abi_has_log(&api) == 1);
  CHECK(abi_has_set_error(&api) == 1);
  api.struct_size = offsetof(bs_api, set_error);
  CHECK(abi_has_log(&api) == 1);
  CHECK(abi_has_set_error(&api) == 0);
  api.log = nullptr;
  CHECK(abi_has_log(&api) == 0);
}

TEST_CASE("readelf shows who a plugin is without running it", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    const std::string note = output_of("readelf -nW '" + built.path + "' 2>&1");
    CHECK(contains(note, "backstage"));
    CHECK_FALSE(contains(note, "Warning"));
    const std::string text = output_of("readelf -p .note.backstage '" + built.path + "' 2>&1");
    CHECK(contains(text, "id=" + built.id + "\n"));
    CHECK(contains(text, "version=1.0.0\n"));
    CHECK(contains(text, "types=" + built.types + "\n"));
    CHECK(contains(text, "sdk=backstage-"));
    CHECK(contains(text, "lang=" + built.lang + "\n"));
  }
}

TEST_CASE("the size in the note ends exactly behind its last text", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    const std::string keys = "id=" + built.id + "?version=1.0.0?types=" + built.types +
                             "?sdk=backstage-" + (built.lang == "c" ? "c" : "cpp") +
                             "/1.0?lang=" + built.lang + "?";
    std::array<char, 16> wanted{};
    std::snprintf(wanted.data(), wanted.size(), "0x%08zx", 16 + keys.size());
    const std::string note = output_of("readelf -nW '" + built.path + "' 2>&1");
    CHECK(contains(note, wanted.data()));
  }
}

TEST_CASE("a plugin exports its entry and nothing else, and no unique statics", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    std::string symbols = output_of("nm -D --defined-only '" + built.path + "' 2>&1");
    CHECK(symbols.size() > 17);
    CHECK(symbols.substr(std::min<std::size_t>(17, symbols.size())) == "T backstage_plugin_v1\n");
    CHECK_FALSE(contains(output_of("readelf -sW '" + built.path + "'"), "UNIQUE"));
  }
}

TEST_CASE("no plugin asks for an executable stack or a library path of the build tree", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    const std::string segments = output_of("readelf -lW '" + built.path + "'");
    const auto stack = segments.find("GNU_STACK");
    REQUIRE(stack != std::string::npos);
    CHECK_FALSE(contains(segments.substr(stack, segments.find('\n', stack) - stack), "RWE"));
    const std::string dynamic = output_of("readelf -dW '" + built.path + "'");
    CHECK_FALSE(contains(dynamic, "RUNPATH"));
    CHECK_FALSE(contains(dynamic, "RPATH"));
  }
}

TEST_CASE("the descriptor agrees with the note and its table sizes are those of v1", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    FakeHost host;
    const bs_plugin* plugin = host.load(built.path);
    REQUIRE(plugin != nullptr);
    CHECK(plugin->struct_size == sizeof(bs_plugin));
    CHECK(plugin->abi_major == 1);
    CHECK(plugin->flags == BS_UNLOAD_SAFE);
    CHECK(plugin->id == built.id);
    CHECK(std::string{plugin->version} == "1.0.0");
    REQUIRE(plugin->type_count == 1);
    CHECK(plugin->types[0]->struct_size == sizeof(bs_actor_type));
    CHECK(plugin->types[0]->name == built.types);
    CHECK((plugin->types[0]->save == nullptr) == (plugin->types[0]->load == nullptr));
  }
}

TEST_CASE("a plugin refuses a host of another major version", "[abi]") {
  for (const auto& built : all_built) {
    INFO(built.path);
    FakeHost host;
    host.abi_major = 2;
    CHECK(host.load(built.path) == nullptr);
    CHECK(contains(host.error_text, "ABI"));
    // The library stays loaded with the tables it saw last: leave it with good ones.
    host.abi_major = 1;
    CHECK(host.load(built.path) != nullptr);
  }
}
