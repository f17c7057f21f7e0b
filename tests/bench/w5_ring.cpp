// W5: a ring of 1,000 actors, 100 tokens, 20,000 hops each. Hops a second.
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Ring {
  std::uint64_t actors;
  std::uint64_t tokens;
  std::uint64_t hops;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  Done done{};
};

class Ringer final : public Actor {
 public:
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "go") {
      driver_ = envelope.sender;
      next_ = record_of<ActorId>(envelope.payload.data());
      return Handled::done;
    }
    const auto hops = record_of<std::uint64_t>(envelope.payload.data());
    if (hops == 0) {
      tell(context, driver_, "fin");
    } else {
      tell(context, next_, {}, bytes_of(hops - 1));
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  ActorId driver_;
  ActorId next_;
};

class Driver final : public Actor {
 public:
  explicit Driver(Ring& ring) : ring_(ring) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "go") {
      start(context);
    } else if (++over_ == ring_.tokens) {
      ring_.end_ns = now_ns();
      ring_.done.set();
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void start(Context& context) {
    std::vector<ActorId> ids;
    for (std::uint64_t i = 0; i < ring_.actors; ++i) {
      const Name name('r', i);
      ids.push_back(must(context.spawn({.type = "ringer", .name = name.view()}), "a ringer").id);
    }
    for (std::uint64_t i = 0; i < ring_.actors; ++i) {
      tell(context, ids[i], "go", bytes_of(ids[(i + 1) % ring_.actors]));
    }
    ring_.start_ns = now_ns();
    for (std::uint64_t i = 0; i < ring_.tokens; ++i) {
      tell(context, ids[i * ring_.actors / ring_.tokens], {}, bytes_of(ring_.hops));
    }
  }

  Ring& ring_;
  std::uint64_t over_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Ring ring{static_cast<std::uint64_t>(arguments.number("--actors", 1'000)),
            static_cast<std::uint64_t>(arguments.number("--tokens", 100)),
            static_cast<std::uint64_t>(arguments.number("--hops", 20'000))};
  Live live(threads);
  live.type("ringer",
            [](Context&, std::string_view) -> Made { return std::make_unique<Ringer>(); });
  live.type("driver",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Driver>(ring); });
  const ActorId driver = live.spawn("driver", "driver");
  (void)must(live.engine.send(driver, {"go", {}}), "the start");
  ring.done.wait();
  report("W5", "threads=" + std::to_string(threads),
         static_cast<double>(ring.tokens * ring.hops) / seconds_between(ring.start_ns, ring.end_ns),
         "hops/s");
}
