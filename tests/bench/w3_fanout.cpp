// W3: one publisher, 1,000 subscribers, `burst` publishes a turn. Deliveries a second.
#include <atomic>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Show {
  long subscribers;
  long publishes;
  long burst;
  std::string bytes;
  std::atomic<long> subscribed{0};
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  Done ready{};
  Done done{};
};

class Subscriber final : public Actor {
 public:
  explicit Subscriber(Show& show) : show_(show) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    sum_ += static_cast<std::uint64_t>(envelope.payload.data()[0]);
    if (++got_ < show_.publishes) return Handled::done;
    tell(context, envelope.sender, "fin");
    return Handled::stop;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  Show& show_;
  long got_ = 0;
  std::uint64_t sum_ = 0;
};

class Publisher final : public Actor {
 public:
  explicit Publisher(Show& show) : show_(show) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "fin") {
      if (++finished_ == show_.subscribers) {
        show_.end_ns = now_ns();
        show_.done.set();
      }
      return Handled::done;
    }
    if (sent_ == 0) show_.start_ns = now_ns();
    for (long i = 0; i < show_.burst && sent_ < show_.publishes; ++i, ++sent_) {
      const auto published = must(context.publish("", {{}, Payload(show_.bytes)}), "a publish");
      if (published.full != 0) give_up("a publish", "a subscriber's mailbox is full");
    }
    if (sent_ < show_.publishes) tell(context, context.self(), "more");
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  Show& show_;
  long sent_ = 0;
  long finished_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Show show{arguments.number("--subs", 1000), arguments.number("--pubs", 1000),
            arguments.number("--burst", 1),
            std::string(static_cast<std::size_t>(arguments.number("--size", 64)), '\7')};
  Live live(threads);
  live.type("publisher",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Publisher>(show); });
  live.type("subscriber", [&](Context& context, std::string_view) -> Made {
    (void)must(context.subscribe(must(Pattern::parse("pub"), "the pattern")), "a subscription");
    if (show.subscribed.fetch_add(1) + 1 == show.subscribers) show.ready.set();
    return std::make_unique<Subscriber>(show);
  });
  const ActorId publisher = live.spawn("publisher", "pub");
  for (long i = 0; i < show.subscribers; ++i) {
    live.spawn("subscriber", Name('s', static_cast<std::uint64_t>(i)).view());
  }
  show.ready.wait();
  (void)must(live.engine.send(publisher, {"start", {}}), "the start");
  show.done.wait();
  report("W3",
         "threads=" + std::to_string(threads) + " size=" + std::to_string(show.bytes.size()) +
             " burst=" + std::to_string(show.burst),
         static_cast<double>(show.subscribers * show.publishes) /
             seconds_between(show.start_ns, show.end_ns),
         "deliveries/s");
}
