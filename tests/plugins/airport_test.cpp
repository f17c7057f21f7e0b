// airport as built: its numbers against those computed here, and every way a line can be wrong.
#include <algorithm>
#include <vector>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

const std::string file = PLUGINS_DIR "/airport.so";

std::string line(const std::string& origin, long delay) {
  return "2001/01/01 00:47," + origin + ",LAS," + std::to_string(delay) + ",1750";
}

/// The board as the protocol of the flight board defines it, computed the slow way.
std::string board(const std::string& origin, const std::vector<long>& delays) {
  long sum = 0;
  for (const long delay : delays) sum += delay;
  std::string text = "{\"origin\":\"" + origin + "\",\"count\":" + std::to_string(delays.size()) +
                     ",\"sum\":" + std::to_string(sum) + ",\"worst\":";
  text += delays.empty() ? "null" : std::to_string(*std::max_element(delays.begin(), delays.end()));
  text += ",\"last\":[";
  const std::size_t first = delays.size() - std::min<std::size_t>(delays.size(), 20);
  for (std::size_t i = first; i < delays.size(); ++i) {
    text += (i > first ? "," : "") + std::to_string(delays[i]);
  }
  return text + "]}";
}

}  // namespace

TEST_CASE("an airport publishes its board, retained, after each departure", "[airport]") {
  FakeHost host;
  host.name = "airport:ATL";
  HostedActor airport(host, host.load(file));
  std::vector<long> delays;
  for (long i = 0; i < 50; ++i) {
    delays.push_back((i * 37) % 101 - 59);
    REQUIRE(airport.publish("feed/flight.ATL", line("ATL", delays.back())) == BS_OK);
    REQUIRE(host.published.size() == delays.size());
    CHECK(host.published.back().topic == "board");
    CHECK(host.published.back().flags == BS_PUBLISH_RETAIN);
    CHECK(host.published.back().body == board("ATL", delays));
  }
}

TEST_CASE("the worst of only early departures is the least early one", "[airport]") {
  FakeHost host;
  host.name = "airport:HNL";
  HostedActor airport(host, host.load(file));
  airport.send(line("HNL", -30));
  airport.send(line("HNL", -4));
  airport.send(line("HNL", -9));
  CHECK(host.published.back().body == board("HNL", {-30, -4, -9}));
}

TEST_CASE("an airport replies with its board and shows an empty one before the first departure",
          "[airport]") {
  FakeHost host;
  host.name = "airport:DTW";
  HostedActor airport(host, host.load(file));
  CHECK(airport.ask("", "board") == board("DTW", {}));
  CHECK(airport.ask(line("DTW", 66)) == board("DTW", {66}));
  CHECK(airport.ask("", "board") == board("DTW", {66}));
  CHECK(host.published.size() == 1);
}

TEST_CASE("an airport refuses a line that is wrong, says why, and keeps its numbers", "[airport]") {
  struct Bad {
    std::string line;
    std::string why;
  };
  const Bad bad = GENERATE(values<Bad>({
      {"", "not five fields"},
      {"2001/01/01 00:47,ATL,LAS,66", "not five fields"},
      {"2001/01/01 00:47,ATL,LAS,66,1750,9", "not five fields"},
      {",ATL,LAS,66,1750", "no departure time"},
      {"2001/01/01 00:47,,LAS,66,1750", "origin"},
      {"2001/01/01 00:47,A\"L,LAS,66,1750", "origin"},
      {"2001/01/01 00:47,ATLANTA,LAS,66,1750", "origin"},
      {"2001/01/01 00:47,ATL,,66,1750", "destination"},
      {"2001/01/01 00:47,ATL,LAS,,1750", "delay_min"},
      {"2001/01/01 00:47,ATL,LAS,6.5,1750", "delay_min"},
      {"2001/01/01 00:47,ATL,LAS,9223372036854775807,1750", "delay_min"},
      {"2001/01/01 00:47,ATL,LAS,66,far", "distance_miles"},
      {"2001/01/01 00:47,DTW,LAS,66,1750", "airport:DTW"},
      {std::string(100'000, ','), "not five fields"},
  }));
  INFO(bad.line.substr(0, 80));
  FakeHost host;
  host.name = "airport:ATL";
  HostedActor airport(host, host.load(file));
  REQUIRE(airport.send(line("ATL", 7)) == BS_OK);
  const std::string why = airport.ask(bad.line);
  CHECK(host.replied.back().status == BS_E_ARG);
  CHECK(why.find(bad.why) != std::string::npos);
  CHECK(why.size() < 400);
  CHECK(airport.publish("feed/flight.ATL", bad.line) == BS_OK);
  CHECK(host.logged.size() == 1);
  CHECK(host.published.size() == 1);
  CHECK(airport.ask("", "board") == board("ATL", {7}));
}

TEST_CASE("an airport's board survives save and load, before and after the ring is full",
          "[airport]") {
  const long departures = GENERATE(0, 3, 20, 47);
  FakeHost host;
  host.name = "airport:SFO";
  const bs_plugin* plugin = host.load(file);
  std::vector<long> delays;
  std::string state;
  {
    HostedActor airport(host, plugin);
    for (long i = 0; i < departures; ++i) {
      delays.push_back(i - 5);
      airport.send(line("SFO", delays.back()));
    }
    state = airport.save();
  }
  HostedActor loaded(host, plugin, 1, state);
  REQUIRE(loaded.created == BS_OK);
  delays.push_back(500);
  CHECK(loaded.ask(line("SFO", 500)) == board("SFO", delays));
  const HostedActor broken(host, plugin, 1, state.substr(0, state.size() / 2));
  CHECK(broken.created == BS_E_FAIL);
  CHECK(host.error_text.find("ends") != std::string::npos);
}

TEST_CASE("an airport still counts when its board cannot be retained", "[airport]") {
  FakeHost host;
  host.name = "airport:LAX";
  HostedActor airport(host, host.load(file));
  host.refuse_next("publish", BS_E_RETAINED_FULL);
  CHECK(airport.send(line("LAX", 1)) == BS_OK);
  CHECK(host.logged.size() == 1);
  CHECK(airport.ask("", "board") == board("LAX", {1}));
}
