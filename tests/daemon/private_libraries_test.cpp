// Whose a needed library is: the system's, to be shared, or the plugin's own, to be mixed up.
#include "daemon/plugin_gate/private_libraries.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

using namespace backstage::plugin_gate;
namespace fs = std::filesystem;

TEST_CASE("libraries of the system are shared, all others are private", "[gate]") {
  const auto directories = system_library_directories();
  const auto is_shared = [&](std::string_view name) {
    return is_in_directories(name, directories) || name == "libof_the_daemon.so.1";
  };
  const std::vector<std::string> needed{"libc.so.6",
                                        "libstdc++.so.6",
                                        "libmy_helper.so.2",
                                        "libof_the_daemon.so.1",
                                        "/opt/vendor/libc.so.6",
                                        "$ORIGIN/libm.so.6",
                                        ""};
  CHECK(private_libraries(needed, is_shared) == std::vector<std::string>{"libmy_helper.so.2",
                                                                         "/opt/vendor/libc.so.6",
                                                                         "$ORIGIN/libm.so.6", ""});
  CHECK(private_libraries({}, is_shared).empty());
}

TEST_CASE("directories of the loader's config count, with those of the files it includes",
          "[gate]") {
  std::string name = (fs::temp_directory_path() / "backstage-conf-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  const fs::path root{name};
  fs::create_directories(root / "conf.d");
  fs::create_directories(root / "lib");
  std::ofstream{root / "lib" / "libvendor.so.1"} << "x";
  std::ofstream{root / "ld.conf"} << "# comment\n\n  /opt/a/lib/ # why\ninclude conf.d/*.conf\n";
  std::ofstream{root / "conf.d" / "b.conf"} << (root / "lib").string() << "\n"
                                            << "include " << (root / "ld.conf").string() << "\n";
  const auto directories = system_library_directories(root / "ld.conf");
  CHECK(std::ranges::count(directories, "/opt/a/lib") == 1);
  CHECK(std::ranges::count(directories, (root / "lib").string()) == 1);
  CHECK(is_in_directories("libvendor.so.1", directories));
  CHECK_FALSE(is_in_directories("libvendor.so.2", directories));
  // A directory is no library, whatever it is called.
  CHECK_FALSE(is_in_directories("", directories));
  fs::remove_all(root);
}
