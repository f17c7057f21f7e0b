// W1 to W5 with actors of a plugin: the same loads, through the daemon's plugin host and the ABI.
//
//   plugin_load --load W1|W2|W3|W4|idle|W5 [--abi sdk|c] [--threads N] [counts of the load]
#include <chrono>
#include <span>
#include <thread>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/plugin/house.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Count {
  std::string_view key;
  long otherwise;
};

// A load's counts, as arguments and as the root actor's config; and what is done in one lap.
struct Load {
  std::string_view name;
  std::string_view workload;
  std::string_view root;
  std::vector<Count> counts;
  std::string_view unit;
  double (*done)(std::span<const long> counts);

  [[nodiscard]] std::vector<long> values(const Arguments& arguments) const {
    std::vector<long> values;
    values.reserve(counts.size());
    for (const auto& [key, otherwise] : counts) {
      values.push_back(arguments.number("--" + std::string(key), otherwise));
    }
    return values;
  }
  [[nodiscard]] std::string config(std::span<const long> values) const {
    std::string text = "{";
    for (std::size_t i = 0; i < counts.size(); ++i) {
      text +=
          (i == 0 ? "\"" : ",\"") + std::string(counts[i].key) + "\":" + std::to_string(values[i]);
    }
    return text + "}";
  }
};

double product(long a, long b, long c = 1) {
  return static_cast<double>(a) * static_cast<double>(b) * static_cast<double>(c);
}

const std::vector<Load>& loads() {
  using Counts = std::span<const long>;
  static const std::vector<Load> all{
      {"W1", "W1", "w1", {{"n", 1'000'000}}, "msg/s", [](Counts n) { return product(n[0], 2); }},
      {"W2",
       "W2",
       "w2",
       {{"senders", 100}, {"each", 10'000}, {"rounds", 3}},
       "msg/s",
       [](Counts n) { return product(n[0], n[1], n[2] - 1); }},
      {"W3",
       "W3",
       "w3",
       {{"subs", 1'000}, {"pubs", 1'000}, {"size", 64}, {"burst", 1}},
       "deliveries/s",
       [](Counts n) { return product(n[0], n[1]); }},
      {"W4",
       "W4",
       "w4",
       {{"n", 300'000}, {"wave", 1'000}},
       "actors/s",
       [](Counts n) { return product(n[0], 1); }},
      {"W5",
       "W5",
       "w5",
       {{"actors", 1'000}, {"tokens", 100}, {"hops", 20'000}},
       "hops/s",
       [](Counts n) { return product(n[1], n[2]); }},
  };
  return all;
}

struct Verdict {
  Lap lap{};
  Done done{};
};

// In process: who the plugin's root tells that the lap is over.
class Judge final : public Actor {
 public:
  explicit Judge(Verdict& verdict) : verdict_(verdict) {}
  Outcome receive(Context&, const Envelope& envelope) override {
    verdict_.lap = record_of<Lap>(envelope.payload.data());
    verdict_.done.set();
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  Verdict& verdict_;
};

int run_lap(const Load& load, const Arguments& arguments, std::string_view peer,
            std::string_view suffix) {
  const long threads = arguments.number("--threads", 2);
  const auto values = load.values(arguments);
  const auto config = load.config(values);
  const auto type = std::string(load.root) + std::string(suffix);
  Verdict verdict;
  House house(threads);
  house.live.type("judge", [&](Context&, std::string_view) -> Made {
    return std::make_unique<Judge>(verdict);
  });
  house.live.spawn("judge", "judge");
  const ActorId root = house.live.spawn(type, load.root, config);
  (void)must(house.live.engine.send(root, {"go", {}}), "the start");
  verdict.done.wait();
  std::string params = "threads=" + std::to_string(threads);
  for (std::size_t i = 0; i < values.size(); ++i) {
    params += " " + std::string(load.counts[i].key) + "=" + std::to_string(values[i]);
  }
  report(load.workload, params,
         load.done(values) / seconds_between(verdict.lap.start_ns, verdict.lap.end_ns), load.unit,
         peer);
  return 0;
}

int run_idle(const Arguments& arguments, std::string_view peer) {
  const auto actors = static_cast<std::uint64_t>(arguments.number("--n", 1'000'000));
  House house(arguments.number("--threads", 2));
  const auto before = resident_bytes();
  for (std::uint64_t i = 0; i < actors; ++i) house.live.spawn("w4_child", Name('i', i).view());
  const auto made = [&] {
    std::uint64_t all = 0;
    for (const auto& plugin : house.host.list()) all += plugin.actors_made;
    return all;
  };
  // Memory is measured, not time: a look now and then is all that waiting for a million needs.
  while (made() < actors) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  const auto grown = static_cast<double>(resident_bytes() - before);
  report("W4", "mode=idle", grown / static_cast<double>(actors), "bytes/actor", peer);
  // Taking a million actors down is no part of the load.
  std::_Exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const std::string wanted = arguments.text("--load", "");
  const std::string abi = arguments.text("--abi", "sdk");
  if (wanted == "idle" && abi == "sdk") return run_idle(arguments, "backstage-plugin");
  for (const Load& load : loads()) {
    if (load.name != wanted) continue;
    if (abi == "sdk") return run_lap(load, arguments, "backstage-plugin", "");
    if (abi == "c" && wanted == "W1") return run_lap(load, arguments, "backstage-c", "_c");
  }
  std::fprintf(stderr,
               "plugin_load: there is no load '%s' for the ABI '%s'\n  next: plugin_load "
               "--load W1|W2|W3|W4|idle|W5 --abi sdk, or --load W1 --abi c\n",
               wanted.c_str(), abi.c_str());
  return 64;
}
