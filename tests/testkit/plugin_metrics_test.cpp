// What plugins count, on the host's side: names, kinds, limits, and threads that add at once.
#include <string>
#include <thread>
#include <vector>

#include "daemon/plugin_host/inert_api.hpp"
#include "daemon/plugin_host/metrics.hpp"
#include "tests/support/catch.hpp"

namespace backstage::plugin_host {

TEST_CASE("a metric is found again by its name, and has one kind", "[metrics]") {
  Metrics metrics;
  CHECK(metrics.list().empty());
  const auto hits = metrics.open(MetricKind::counter, "hits");
  const auto depth = metrics.open(MetricKind::gauge, "depth");
  REQUIRE(hits);
  REQUIRE(depth);
  CHECK(*metrics.open(MetricKind::counter, "hits") == *hits);
  CHECK(metrics.open(MetricKind::gauge, "hits").error() == Errc::type_mismatch);
  CHECK(metrics.add(*hits, 2));
  CHECK(metrics.add(*hits, 3));
  CHECK(metrics.set(*depth, -0.5));
  CHECK_FALSE(metrics.add(*depth, 1));
  CHECK_FALSE(metrics.set(*hits, 1));
  CHECK_FALSE(metrics.add(2, 1));
  CHECK_FALSE(metrics.add(UINT32_MAX, 1));
  const auto all = metrics.list();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "hits");
  CHECK(all[0].count == 5);
  CHECK(all[0].value == 5);
  CHECK(all[1].kind == MetricKind::gauge);
  CHECK(all[1].value == -0.5);
}

TEST_CASE("names are for Prometheus as they are, and 256 are enough", "[metrics]") {
  Metrics metrics;
  for (const std::string bad : {"", "Hits", "1st", "a-b", "a.b", "a b"}) {
    INFO(bad);
    CHECK(metrics.open(MetricKind::counter, bad).error() == Errc::bad_name);
  }
  CHECK(metrics.open(MetricKind::counter, std::string(65, 'a')).error() == Errc::bad_name);
  CHECK(metrics.open(MetricKind::counter, std::string(64, 'a')));
  for (int i = 1; i < 256; ++i) CHECK(metrics.open(MetricKind::counter, "n" + std::to_string(i)));
  CHECK(metrics.open(MetricKind::counter, "one_more").error() == Errc::too_large);
  CHECK(metrics.open(MetricKind::counter, "n255"));
  CHECK(metrics.list().size() == 256);
}

TEST_CASE("threads that open and add at once lose nothing", "[metrics][threads]") {
  Metrics metrics;
  std::vector<std::jthread> threads;
  threads.reserve(4);
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1'000; ++i) {
        const auto id = metrics.open(MetricKind::counter, "n" + std::to_string(i % 10));
        for (int j = 0; j < 10; ++j) (void)metrics.add(*id, 1);
        (void)metrics.list();
      }
    });
  }
  threads.clear();
  std::uint64_t sum = 0;
  for (const auto& metric : metrics.list()) sum += metric.count;
  CHECK(sum == 40'000);
}

TEST_CASE("a plugin that is only tried may open metrics in its entry", "[metrics]") {
  InertApi inert{"tried"};
  const bs_api* const api = inert.table();
  const auto* const table = static_cast<const bs_metrics*>(api->extension(api, BS_EXT_METRICS));
  REQUIRE(table != nullptr);
  std::uint32_t id = 0;
  const bs_slice name{"hits", 4};
  CHECK(table->open(api, BS_METRIC_COUNTER, name, &id) == BS_OK);
  CHECK(table->open(api, BS_METRIC_GAUGE, name, &id) == BS_E_TYPE_MISMATCH);
  CHECK(table->open(api, 3, name, &id) == BS_E_ARG);
  CHECK(table->open(api, BS_METRIC_COUNTER, name, nullptr) == BS_E_ARG);
  CHECK(table->open(api, BS_METRIC_COUNTER, {nullptr, 4}, &id) == BS_E_ARG);
  CHECK(table->open(api, BS_METRIC_COUNTER, {"A", 1}, &id) == BS_E_BAD_NAME);
  CHECK(table->add(api, id, 1) == BS_OK);
  CHECK(table->set(api, id, 1) == BS_E_ARG);
}

}  // namespace backstage::plugin_host
