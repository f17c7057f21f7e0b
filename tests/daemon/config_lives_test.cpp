// Wrong settings of an actor's life, one a row: supervision of a type, and what one actor has
// instead of its type's.
#include <array>
#include <string>
#include <string_view>

#include "daemon/config/load.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {
namespace {

struct Row {
  std::string_view text;
  Position at;
  std::string_view code;
  std::string_view pointer;
  // Each has to be somewhere in the message or its help.
  std::array<std::string_view, 2> fragments;
};

constexpr std::array rows{
    Row{R"({"types": {"t": {"supervision": {"strategy": "simple_one_for_one"}}}})",
        {1, 46},
        "CFG-205",
        "/types/t/supervision/strategy",
        {"\"one_for_one\", \"one_for_all\", \"rest_for_one\""}},
    Row{R"({"types": {"t": {"supervision": {"restart": "permanant"}}}})",
        {1, 45},
        "CFG-205",
        "/types/t/supervision/restart",
        {"did you mean \"permanent\"", "\"transient\", \"temporary\""}},
    Row{R"({"types": {"t": {"supervision": {"retries": -1}}}})",
        {1, 45},
        "CFG-204",
        "/types/t/supervision/retries",
        {"below the minimum 0"}},
    Row{R"({"types": {"t": {"supervision": {"jitter_percent": 101}}}})",
        {1, 52},
        "CFG-204",
        "/types/t/supervision/jitter_percent",
        {"above the maximum 100"}},
    Row{R"({"types": {"t": {"supervision": {"healthy_after": 10}}}})",
        {1, 51},
        "CFG-203",
        "/types/t/supervision/healthy_after",
        {"a string with a unit"}},
    Row{R"({"types": {"t": {"supervision": {"stop_deadline": "25h"}}}})",
        {1, 51},
        "CFG-204",
        "/types/t/supervision/stop_deadline",
        {"above the maximum \"24h\""}},
    Row{R"({"actors": {"a": {"type": "t", "mailbox": {"messages": 0}}}})",
        {1, 56},
        "CFG-204",
        "/actors/a/mailbox/messages",
        {"below the minimum 1"}},
    Row{R"({"actors": {"a": {"type": "t", "mailbox": 5}}})",
        {1, 43},
        "CFG-203",
        "/actors/a/mailbox",
        {"must be an object, not 5"}},
    Row{R"({"actors": {"a": {"type": "t", "mailbox": {"mesages": 5}}}})",
        {1, 44},
        "CFG-202",
        "/actors/a/mailbox/mesages",
        {"did you mean \"messages\""}},
    Row{R"({"actors": {"a": {"type": "t", "overflow": "kick"}}})",
        {1, 44},
        "CFG-205",
        "/actors/a/overflow",
        {"\"drop_oldest\""}},
    Row{R"({"actors": {"a": {"type": "t", "restart": "always"}}})",
        {1, 43},
        "CFG-205",
        "/actors/a/restart",
        {"\"permanent\", \"transient\", \"temporary\""}},
};

}  // namespace

TEST_CASE("a wrong setting of supervision or of one actor is named at its place", "[config]") {
  for (const Row& row : rows) {
    const auto loaded = load_config_text(row.text, "bad.json", {}, {});
    CAPTURE(row.text);
    REQUIRE_FALSE(loaded);
    CAPTURE(render(loaded.error()));
    REQUIRE(loaded.error().size() == 1);
    const Problem& problem = loaded.error().front();
    CHECK(problem.at == row.at);
    CHECK(problem.code == row.code);
    CHECK(problem.pointer == row.pointer);
    const auto all = problem.what + '\n' + problem.help;
    for (const auto fragment : row.fragments) {
      CAPTURE(fragment);
      CHECK(all.find(fragment) != std::string::npos);
    }
  }
}

}  // namespace backstage::config
