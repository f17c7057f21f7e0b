// backstage::config: what the small scanner reads, and that it refuses the rest instead of
// guessing.
#include <backstage/config.hpp>

#include "tests/support/catch.hpp"

using backstage::config;

TEST_CASE("config reads integers, booleans and texts of one flat object", "[config]") {
  const config given(
      " { \"period_ms\" : 250 ,\"loud\":true,\n\t\"who\": \"a b\", \"minus\":-3, \"empty\":\"\" "
      "} ");
  CHECK(given.integer("period_ms", 1) == 250);
  CHECK(given.integer("minus", 1) == -3);
  CHECK(given.boolean("loud", false));
  CHECK(given.string("who", "x") == "a b");
  CHECK(given.string("empty", "x").empty());
}

TEST_CASE("config falls back when there is no such key, or nothing at all", "[config]") {
  const std::string text =
      GENERATE(as<std::string>{}, "", "  \n", "{}", " { } ", R"({"other": 1})");
  INFO(text);
  const config given(text);
  CHECK(given.text() == text);
  CHECK(given.integer("key", 7) == 7);
  CHECK(given.boolean("key", true));
  CHECK(given.string("key", "fallback") == "fallback");
}

TEST_CASE("config looks at the top level only and skips what is nested", "[config]") {
  const config given(R"({"deep": {"n": 1, "list": [1, "]}", {"n": 2}]}, "s": "\"n\": 3", "n": 4})");
  CHECK(given.integer("n", 0) == 4);
}

TEST_CASE("config names the key and what it found instead of guessing", "[config]") {
  const config given(R"({"n": "5", "big": 9223372036854775808, "f": 1.5, "e": "a\nb", "z": null})");
  const auto wrong = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const backstage::error& thrown) {
      CHECK(thrown.code() == BS_E_ARG);
      return thrown.what();
    }
    return "no error";
  };
  CHECK(wrong([&] { (void)given.integer("n", 0); }) ==
        "config key \"n\" must be an integer, not \"5\"");
  CHECK(wrong([&] { (void)given.integer("big", 0); }).find("\"big\"") != std::string::npos);
  CHECK(wrong([&] { (void)given.integer("f", 0); }).find("not 1.5") != std::string::npos);
  CHECK(wrong([&] { (void)given.integer("z", 0); }).find("not null") != std::string::npos);
  CHECK(wrong([&] { (void)given.boolean("n", false); }).find("true or false") != std::string::npos);
  CHECK(wrong([&] { (void)given.string("e", ""); }).find("without escapes") != std::string::npos);
  CHECK(wrong([&] { (void)given.string("f", ""); }).find("a text") != std::string::npos);
  const config range(R"({"n": 11})");
  CHECK(range.integer("n", 0, 1, 11) == 11);
  CHECK(wrong([&] { (void)range.integer("n", 0, 1, 10); }).find("from 1 to 10, not 11") !=
        std::string::npos);
}

TEST_CASE("config refuses text that is no JSON object", "[config]") {
  const std::string text =
      GENERATE(as<std::string>{}, "5", "[1]", "\"n\"", "{", "{\"n\"", "{\"n\":", "{\"n\":1",
               "{\"n\":1,", "{n:1}", "{\"n\" 1}", "{\"n\":1 \"m\":2}", "{\"n\":\"1}", "{\"n\":[1}",
               "{\"n\":{\"m\":1}", "{\"n\":1} x", "{\"n\":,}", "{\"n\\", "{\"a\":\"\\");
  INFO(text);
  CHECK_THROWS_AS(config(text).integer("n", 0), backstage::error);
}

TEST_CASE("config survives every prefix of a good text", "[config]") {
  const std::string whole = R"({"a": [1, {"b": "c\"]"}], "n": 42, "t": true})";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    INFO(whole.substr(0, size));
    CHECK_THROWS_AS(config(whole.substr(0, size)).integer("n", 0), backstage::error);
  }
  CHECK(config(whole).integer("n", 0) == 42);
}
