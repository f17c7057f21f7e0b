// W4 churn: waves of 1,000 actors: spawn, send stop, they answer and end. Actors a second.
#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Family {
  std::uint64_t children;
  std::uint64_t wave;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  Done done{};
};

class Child final : public Actor {
 public:
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type != "stop") return Handled::done;
    tell(context, envelope.sender, "fin");
    return Handled::stop;
  }
  void ended(Context&, EndReason) noexcept override {}
};

class Parent final : public Actor {
 public:
  explicit Parent(Family& family) : family_(family) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "go") {
      family_.start_ns = now_ns();
      next_wave(context);
      return Handled::done;
    }
    if (++over_ < made_) return Handled::done;
    if (made_ < family_.children) {
      next_wave(context);
    } else {
      family_.end_ns = now_ns();
      family_.done.set();
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void next_wave(Context& context) {
    for (std::uint64_t i = 0; i < family_.wave; ++i) {
      const Name name('c', made_++);
      const auto child = must(context.spawn({.type = "child", .name = name.view()}), "a child").id;
      tell(context, child, "stop");
    }
  }

  Family& family_;
  std::uint64_t made_ = 0;
  std::uint64_t over_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Family family{static_cast<std::uint64_t>(arguments.number("--n", 300'000)),
                static_cast<std::uint64_t>(arguments.number("--wave", 1'000))};
  Live live(threads);
  live.type("child", [](Context&, std::string_view) -> Made { return std::make_unique<Child>(); });
  live.type("parent",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Parent>(family); });
  const ActorId parent = live.spawn("parent", "parent");
  (void)must(live.engine.send(parent, {"go", {}}), "the start");
  family.done.wait();
  report("W4", "mode=churn threads=" + std::to_string(threads),
         static_cast<double>(family.children) / seconds_between(family.start_ns, family.end_ns),
         "actors/s");
}
