// W6: skynet. A tree of actors, ten children each, a million leaves; every node is an actor, and
// all sums go upwards by message. Leaves a second.
#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Sky {
  std::uint64_t leaves;
  std::uint64_t total = 0;
  std::uint64_t end_ns = 0;
  Done done{};
};

// What a node is spawned with: its config, byte by byte.
struct Place {
  ActorId parent;
  std::uint64_t number;
  std::uint64_t leaves;
  std::uint64_t depth;
};

class Node final : public Actor {
 public:
  Node(Sky& sky, const Place& place) : sky_(sky), parent_(place.parent) {}

  /// In its first turn: a leaf is over at once, others have children.
  void begin(Context& context, const Place& place) {
    if (place.leaves == 1) {
      finish(context, place.number);
      context.stop_self();
      return;
    }
    Place child{context.self(), place.number, place.leaves / 10, place.depth + 1};
    const char level = static_cast<char>('a' + child.depth);
    for (int i = 0; i < 10; ++i, child.number += child.leaves) {
      const Name name(level, child.number);
      (void)must(context.spawn({.type = "node", .name = name.view(), .config = bytes_of(child)}),
                 "a node");
    }
  }
  Outcome receive(Context& context, const Envelope& envelope) override {
    sum_ += record_of<std::uint64_t>(envelope.payload.data());
    if (++got_ < 10) return Handled::done;
    finish(context, sum_);
    return Handled::stop;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void finish(Context& context, std::uint64_t value) {
    if (!parent_.is_nobody()) return tell(context, parent_, {}, bytes_of(value));
    sky_.total = value;
    sky_.end_ns = now_ns();
    sky_.done.set();
  }

  Sky& sky_;
  const ActorId parent_;
  std::uint64_t sum_ = 0;
  int got_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Sky sky{static_cast<std::uint64_t>(arguments.number("--leaves", 1'000'000))};
  for (auto left = sky.leaves; left > 1; left /= 10) {
    if (left % 10 != 0) give_up("W6", "--leaves is no power of ten", "--leaves 1000000");
  }
  Live live(threads);
  live.type("node", [&](Context& context, std::string_view config) -> Made {
    const auto place = record_of<Place>(config.data());
    auto node = std::make_unique<Node>(sky, place);
    node->begin(context, place);
    return node;
  });
  const Place root{nobody, 0, sky.leaves, 0};
  const auto start = now_ns();
  live.spawn("node", "a0", bytes_of(root));
  sky.done.wait();
  if (sky.total != sky.leaves * (sky.leaves - 1) / 2) give_up("W6", "the sum is wrong");
  report("W6", "threads=" + std::to_string(threads),
         static_cast<double>(sky.leaves) / seconds_between(start, sky.end_ns), "leaves/s");
}
