// A trial child's report: read whatever it says, and say where in the plugin it was.
#include "daemon/plugin_host/trial_report.hpp"

#include "tests/support/catch.hpp"

using namespace backstage::plugin_host;

TEST_CASE("a report is read line by line", "[trial]") {
  const auto passed = parse_report("phase load\nphase entry\nok\n");
  CHECK(passed.is_ok);
  CHECK(passed.phase == TrialPhase::entry);
  CHECK_FALSE(passed.refusal);

  const Refusal why{token(Code::symbol_missing), "x", "it lacks a symbol", "link it"};
  const auto refused = parse_report("phase load\n" + report_line(why));
  REQUIRE(refused.refusal);
  CHECK(refused.refusal->code == "SYMBOL_MISSING");
  CHECK(refused.refusal->cause == why.cause);
  CHECK(refused.refusal->fix == why.fix);

  const auto crashed = parse_report(
      "phase entry\nsignal b ff0 7f0010\nframe 7f0010\nframe 7f0020\nmaps\n"
      "7f0000-7f1000 r-xp 00002000 08:01 99    /a plugin/x.so\n"
      "7f1000-7f2000 rw-p 00003000 08:01 99    /a plugin/x.so\n");
  REQUIRE(crashed.signal);
  CHECK(crashed.signal->number == 11);
  CHECK(crashed.signal->address == 0xff0);
  CHECK(crashed.signal->pc == 0x7f0010);
  CHECK(crashed.signal->frames == std::vector<std::uintptr_t>{0x7f0010, 0x7f0020});
  REQUIRE(crashed.signal->mappings.size() == 1);
  CHECK(crashed.signal->mappings[0].path == "/a plugin/x.so");
  CHECK(crashed.signal->mappings[0].offset == 0x2000);
  // Without symbols the place in the file is what is left; a return address is one too far.
  CHECK(place_of(*crashed.signal, "/a plugin/x.so", {}) == "+0x2010 < +0x201f");
  CHECK(place_of(*crashed.signal, "/other.so", {}).empty());
}

TEST_CASE("a report of nonsense is read as far as it makes sense", "[trial]") {
  for (const std::string_view text :
       {"", "\n\n\n", "ok", "okay\n", "phase nowhere\n", "refused NO_SUCH_CODE\ta\tb\n", "refused",
        "frame 12\n", "maps\n12-34\n", "signal\n", "signal zz zz zz\nframe zz\nmaps\n-\n \n",
        "signal 999999999999999999999\n"}) {
    CAPTURE(text);
    const auto report = parse_report(text);
    CHECK(report.is_ok == (text == "ok"));
    CHECK_FALSE(report.refusal);
    CHECK(report.phase == TrialPhase::none);
    if (report.signal) CHECK(place_of(*report.signal, "x", {}).empty());
  }
  const auto forged = parse_report("refused NO_ENTRY\t\x1b[31mred\tfix\x01\n");
  REQUIRE(forged.refusal);
  CHECK(forged.refusal->cause == "?[31mred");
  CHECK(forged.refusal->fix == "fix?");
}

TEST_CASE("a report longer than any child's is cut", "[trial]") {
  std::string text = "signal b 0 1\n";
  for (int i = 0; i < 1000; ++i) text += "frame 1\n";
  const auto report = parse_report(text);
  REQUIRE(report.signal);
  CHECK(report.signal->frames.size() == 64);
}

TEST_CASE("every code of host and gate is known by its token", "[trial]") {
  for (std::size_t i = 0; i < code_count; ++i) {
    const auto text = token(static_cast<Code>(i));
    CHECK(known_token(std::string{text}) == text);
  }
  CHECK(known_token("ELF_TRUNCATED") == "ELF_TRUNCATED");
  CHECK(known_token("NO_SUCH_CODE").empty());
  CHECK(known_token("").empty());
}
