// The config's keys about plugins: what is wrong with them is said at its place.
#include <string>

#include "daemon/config/load.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {

TEST_CASE("wrong values of plugins are named", "[config]") {
  struct Row {
    std::string text;
    std::string code;
    std::string pointer;
    std::string said;
  };
  const Row rows[] = {
      {R"({"allow_sha256": ["abc"]})", "CFG-217", "/plugins/allow_sha256/0", "sha256sum FILE"},
      {R"({"allow_sha256": [")" + std::string(63, 'a') + R"(g"]})", "CFG-217",
       "/plugins/allow_sha256/0", "is not a SHA-256"},
      {R"({"allow_sha256": ")" + std::string(64, 'a') + R"("})", "CFG-203", "/plugins/allow_sha256",
       "array"},
      {R"({"watch": 1})", "CFG-203", "/plugins/watch", "true or false"},
      {R"({"settle": "5ms"})", "CFG-204", "/plugins/settle", "below the minimum \"10ms\""},
      {R"({"rescan": "0s"})", "CFG-204", "/plugins/rescan", "below the minimum \"100ms\""},
      {R"({"on_incompatible": "keepold"})", "CFG-205", "/plugins/on_incompatible",
       "did you mean \"keep_old\""},
      {R"({"on_remove": "purge"})", "CFG-205", "/plugins/on_remove", "drain"},
      {R"({"unload": "eager"})", "CFG-205", "/plugins/unload", "never"},
      {R"({"crashes_max": -1})", "CFG-204", "/plugins/crashes_max", "below the minimum 0"},
      {R"({"crash_window": "0s"})", "CFG-204", "/plugins/crash_window", "below the minimum \"1s\""},
      {R"({"demote_uniqe": true})", "CFG-202", "/plugins/demote_uniqe",
       "did you mean \"demote_unique\""},
  };
  for (const auto& row : rows) {
    const auto text = R"({"plugins": )" + row.text + "}";
    CAPTURE(text);
    const auto loaded = load_config_text(text, "f.json", {}, {});
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().size() == 1);
    const auto told = render(loaded.error());
    CAPTURE(told);
    CHECK(loaded.error()[0].code == row.code);
    CHECK(told.find(row.pointer) != std::string::npos);
    CHECK(told.find(row.said) != std::string::npos);
  }
}

TEST_CASE("an allowed hash may be written in capitals", "[config]") {
  const auto loaded = load_config_text(
      R"({"plugins": {"allow_sha256": [")" + std::string(64, 'A') + R"("]}})", "f.json", {}, {});
  REQUIRE(loaded);
  CHECK(loaded->values.plugins.allow_sha256 == std::vector{std::string(64, 'a')});
}

}  // namespace backstage::config
