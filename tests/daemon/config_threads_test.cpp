// The config's keys about threads: what is wrong with them is said at its place.
#include <string>

#include "daemon/config/load.hpp"
#include "tests/support/catch.hpp"

namespace backstage::config {

TEST_CASE("wrong numbers of threads and wrong turn budgets are named", "[config]") {
  struct Row {
    std::string text;
    std::string code;
    std::string pointer;
    std::string said;
  };
  const Row rows[] = {
      {R"({"spare_workers": 257})", "CFG-204", "/spare_workers", "257 is above the maximum 256"},
      {R"({"spare_workers": -1})", "CFG-204", "/spare_workers", "below the minimum 0"},
      {R"({"pinned_threads": 4097})", "CFG-204", "/pinned_threads", "above the maximum 4096"},
      {R"({"pinned_threads": "all"})", "CFG-203", "/pinned_threads", "whole number"},
      {R"({"turn_budget": 1})", "CFG-203", "/turn_budget", "string with a unit"},
      {R"({"turn_budget": "2h"})", "CFG-204", "/turn_budget", "above the maximum \"1h\""},
      {R"({"types": {"t": {"dispatcher": "pined"}}})", "CFG-205", "/types/t/dispatcher",
       "did you mean \"pinned\""},
      {R"({"types": {"t": {"turn_budget": "-1s"}}})", "CFG-208", "/types/t/turn_budget",
       "is not a duration"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto loaded = load_config_text(row.text, "f.json", {}, {});
    REQUIRE_FALSE(loaded);
    REQUIRE(loaded.error().size() == 1);
    CHECK(loaded.error()[0].code == row.code);
    const auto told = render(loaded.error());
    CAPTURE(told);
    CHECK(told.find(row.pointer) != std::string::npos);
    CHECK(told.find(row.said) != std::string::npos);
  }
}

TEST_CASE("no thread at all is a valid number of spare and of pinned ones", "[config]") {
  const auto loaded = load_config_text(
      R"({"spare_workers": 0, "pinned_threads": 0, "turn_budget": "0s"})", "f.json", {}, {});
  REQUIRE(loaded);
  CHECK(loaded->values.spare_workers == 0);
  CHECK(loaded->values.pinned_threads == 0);
  CHECK(loaded->values.turn_budget.count() == 0);
}

}  // namespace backstage::config
