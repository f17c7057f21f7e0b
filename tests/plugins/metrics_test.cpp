// Metrics of the SDK: what counter and gauge tell the host, and that their absence harms nothing.
#include <backstage/plugin.hpp>

#include <string>

#include "tests/plugins/fake_host.hpp"
#include "tests/support/catch.hpp"

namespace {

constinit backstage::counter hits{"hits"};
constinit backstage::gauge depth{"depth"};

struct Counting {
  static constexpr char name[] = "counting";
  void on(backstage::message m, backstage::context&) {
    hits.add();
    misses.add(m.body().size());
    depth.set(0.5);
  }
  backstage::counter misses{"misses"};
};

const bs_plugin* enter(const FakeHost& host) {
  return backstage::detail::enter<backstage::detail::no_hooks, Counting>(host.api(), "counting",
                                                                         "1.0.0", 0);
}

}  // namespace

TEST_CASE("counters add up and gauges are set, by name", "[metrics]") {
  FakeHost host;
  HostedActor actor(host, enter(host));
  CHECK(actor.send("four") == BS_OK);
  CHECK(actor.send("") == BS_OK);
  REQUIRE(host.metrics.size() == 3);
  CHECK(host.metrics[0].name == "hits");
  CHECK(host.metrics[0].value == 2);
  CHECK(host.metrics[1].name == "misses");
  CHECK(host.metrics[1].value == 4);
  CHECK(host.metrics[2].kind == BS_METRIC_GAUGE);
  CHECK(host.metrics[2].value == 0.5);
}

TEST_CASE("a second host gets metrics of its own", "[metrics]") {
  FakeHost first;
  HostedActor before(first, enter(first));
  CHECK(before.send("") == BS_OK);
  FakeHost second;
  second.metrics.push_back({"in the way", BS_METRIC_COUNTER, 0});
  HostedActor after(second, enter(second));
  CHECK(after.send("") == BS_OK);
  CHECK(first.metrics[0].value == 1);
  REQUIRE(second.metrics.size() == 4);
  CHECK(second.metrics[0].value == 0);
  CHECK(second.metrics[1].name == "hits");
  CHECK(second.metrics[1].value == 1);
}

TEST_CASE("without the extension, and refused, a metric is lost and nothing else", "[metrics]") {
  FakeHost host;
  host.offers_extensions = false;
  HostedActor actor(host, enter(host));
  CHECK(actor.send("x") == BS_OK);
  CHECK(host.metrics.empty());

  FakeHost full;
  full.refuse_next("open_metric", BS_E_TOO_LARGE);
  HostedActor other(full, enter(full));
  CHECK(other.send("x") == BS_OK);
  CHECK(other.send("x") == BS_OK);
  CHECK(full.logged == std::vector<std::string>{std::to_string(BS_LOG_WARN) +
                                                " the metric hits is not counted: too_large"});
  CHECK(full.metrics.size() == 2);
}

TEST_CASE("a name that may not be is refused where it is written", "[metrics]") {
  for (const std::string bad : {"", "Hits", "1st", "a-b", "a b", "h\xc3\xa4"}) {
    INFO(bad);
    CHECK_THROWS_AS(backstage::counter{bad}, backstage::error);
  }
  CHECK_THROWS_AS(backstage::gauge{std::string(65, 'a')}, backstage::error);
  const std::string longest(64, 'a');
  CHECK_NOTHROW(backstage::gauge{longest});
}
