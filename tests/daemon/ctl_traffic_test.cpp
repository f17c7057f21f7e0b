// The parts of backstagectl's send, req, pub, sub, watch and bench that need no daemon.
#include <sstream>
#include <string>
#include <vector>

#include "daemon/ctl/histogram.hpp"
#include "daemon/ctl/options_traffic.hpp"
#include "daemon/ctl/traffic.hpp"
#include "tests/support/catch.hpp"

namespace backstage::ctl {
namespace {

using namespace std::chrono_literals;

Outcome<Options> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "backstagectl");
  return parse_arguments(static_cast<int>(words.size()), words.data(), "1.2.3");
}

std::vector<std::string> payloads(const Traffic& traffic, const std::string& input) {
  std::istringstream stream(input);
  std::vector<std::string> all;
  const auto read = each_payload(traffic, stream, [&all](const std::string& one, std::uint64_t) {
    all.push_back(one);
    return true;
  });
  REQUIRE(read);
  return all;
}

}  // namespace

TEST_CASE("what is sent is an argument, standard input, or each of its lines", "[ctl]") {
  const auto given = parse({"send", "counter", "-5", "--type", "add"});
  REQUIRE(given);
  CHECK(given->traffic.targets == std::vector<std::string>{"counter"});
  CHECK(given->traffic.payload == "-5");
  CHECK(given->traffic.type == "add");
  CHECK(payloads(given->traffic, "ignored") == std::vector<std::string>{"-5"});
  for (const auto& words : {std::vector<const char*>{"pub", "a/b", "-", "--retain"},
                            std::vector<const char*>{"pub", "--retain", "a/b"}}) {
    const auto piped = parse(words);
    REQUIRE(piped);
    CHECK(piped->traffic.is_retained);
    CHECK(payloads(piped->traffic, "a\nb\n") == std::vector<std::string>{"a\nb\n"});
  }
  const auto lines = parse({"req", "counter", "--lines", "--timeout", "250ms"});
  REQUIRE(lines);
  CHECK(lines->timeout == 250ms);
  CHECK(payloads(lines->traffic, "1\n\n3") == std::vector<std::string>{"1", "", "3"});
  CHECK(payloads(lines->traffic, "").empty());
}

TEST_CASE("sub takes many patterns, bench one load", "[ctl]") {
  const auto sub = parse({"sub", "feed/>", "*/board", "--snap", "--ack", "--window=8", "--over",
                          "kick", "--count", "3", "--for", "5s", "-o", "json"});
  REQUIRE(sub);
  const auto& traffic = sub->traffic;
  CHECK(traffic.targets.size() == 2);
  CHECK((traffic.wants_snapshot && traffic.is_acked && sub->is_json));
  CHECK(traffic.window == 8);
  CHECK(traffic.over == "kick");
  CHECK(traffic.count == 3);
  CHECK(traffic.duration == 5s);
  const auto bench = parse({"bench", "req", "echo", "--rate", "0.5", "--size", "10"});
  REQUIRE(bench);
  CHECK(bench->traffic.load == "req");
  CHECK(bench->traffic.rate == 0.5);
  // An actor may have the name of a command.
  CHECK(parse({"req", "stats", "5"})->traffic.targets == std::vector<std::string>{"stats"});
  CHECK(parse({"bench", "send", "send"})->traffic.targets == std::vector<std::string>{"send"});
  CHECK(parse({"watch", "a", "b"})->traffic.targets.size() == 2);
}

TEST_CASE("a mistake on the line of a message is named, with a line that is right", "[ctl]") {
  const std::vector<std::pair<std::vector<const char*>, std::string>> rows{
      {{"send"}, "backstagectl send counter 5"},
      {{"sub"}, "backstagectl sub 'feed/>'"},
      {{"req", "a", "b", "c"}, "quote a payload that has blanks"},
      {{"send", "a", "b", "--lines"}, "leave out the payload, or --lines"},
      {{"send", "a", "b", "--retain"}, "see backstagectl --help"},
      {{"pub", "a", "b", "--retian"}, "did you mean --retain?"},
      {{"bench", "rq", "echo"}, "did you mean req?"},
      {{"bench"}, "backstagectl bench req echo --rate 1000 --for 10s"},
      {{"sub", "a", "--over", "oldst"}, "did you mean oldest?"},
      {{"sub", "a", "--for", "5 s"}, "--for 250ms, --for 5s or --for 2m"},
      {{"send", "a", "--rate", "-1"}, "--rate 1000, or --rate 0 for as fast as it goes"},
      {{"send", "a", "--rate", "nan"}, "--rate 1000, or --rate 0 for as fast as it goes"},
      {{"sub", "a", "--count", "0"}, "see backstagectl --help"},
      {{"sub", "a", "--window", "1000001"}, "see backstagectl --help"},
      {{"bench", "send", "a", "--size", "1e3"}, "see backstagectl --help"},
      {{"snd", "a"}, "did you mean send?"}};
  for (const auto& [words, next] : rows) {
    const auto options = parse(words);
    INFO(next);
    REQUIRE_FALSE(options);
    CHECK(options.error().exit == exit_code::usage);
    CHECK(options.error().next == next);
  }
}

TEST_CASE("times are written with a unit, or in seconds", "[ctl]") {
  CHECK(to_duration("250ms") == 250ms);
  CHECK(to_duration("3") == 3s);
  CHECK(to_duration("3s") == 3s);
  CHECK(to_duration("2m") == 2min);
  CHECK(to_duration("24h") == 24h);
  for (const char* const bad : {"", "s", "0s", "-1s", "1d", "1.5s", "25h", "99999999999999999999s",
                                "9223372036854775807h"}) {
    INFO(bad);
    CHECK_FALSE(to_duration(bad));
  }
}

TEST_CASE("percentiles are at most 1/64 too high, and never above the largest", "[ctl]") {
  Histogram all;
  CHECK(all.at(0.99) == 0ns);
  for (int i = 1; i <= 100'000; ++i) all.add(std::chrono::microseconds{i});
  for (const double share : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 100'000'000;
    const auto told = static_cast<double>(all.at(share).count());
    CHECK(told >= exact);
    CHECK(told <= exact * (1 + 1.0 / 64));
  }
  CHECK(all.at(1.0) == 100ms);
  CHECK(all.max() == 100ms);
  Histogram few;
  for (const auto latency : {-5ns, 0ns, 1ns, 127ns, 128ns, 255ns, 256ns}) few.add(latency);
  CHECK(few.count() == 7);
  CHECK(few.at(2.0 / 7) == 0ns);
  CHECK(few.at(3.0 / 7) == 1ns);
  CHECK(few.at(4.0 / 7) == 127ns);
  few.add(std::chrono::nanoseconds::max());
  CHECK(few.at(1) == std::chrono::nanoseconds::max());
  few.add(all);
  CHECK(few.count() == 100'008);
}

TEST_CASE("a payload is shown as text if it is, else as base64", "[ctl]") {
  const auto shown = [](std::string_view payload) {
    Json json = Json::object();
    put_payload(json, payload);
    return json;
  };
  CHECK(shown("k\u00e4se\n")["payload"] == "k\u00e4se\n");
  CHECK(shown("")["payload"] == "");
  CHECK(shown(std::string_view("\0", 1))["payload_base64"] == "AA==");
  CHECK(shown("\xff\xfe")["payload_base64"] == "//4=");
  CHECK(shown("\x1b[2")["payload_base64"] == "G1sy");
}

TEST_CASE("exit codes tell a refusal from a daemon that is not there", "[ctl]") {
  const auto exit_of = [](int number, const char* token) {
    return fault_of_message({number, token, {}, {}}, "e").exit;
  };
  CHECK(exit_of(404, "no_actor") == 1);
  CHECK(exit_of(403, "forbidden") == 1);
  CHECK(exit_of(429, "mailbox_full") == exit_code::try_again);
  CHECK(exit_of(504, "timeout") == exit_code::said_no);
  CHECK(exit_of(0, "unreachable") == exit_code::unavailable);
  CHECK(exit_of(0, "no_answer") == exit_code::unavailable);
  CHECK(exit_of(0, "bad_endpoint") == exit_code::usage);
  CHECK(worse(exit_code::ok, exit_code::try_again) == exit_code::try_again);
  CHECK(worse(exit_code::said_no, exit_code::try_again) == exit_code::said_no);
  CHECK(worse(exit_code::said_no, exit_code::unavailable) == exit_code::unavailable);
}

}  // namespace backstage::ctl
