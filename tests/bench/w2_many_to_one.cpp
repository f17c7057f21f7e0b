// W2: 100 actors send 10,000 64-byte messages each to one. The first of three rounds warms up.
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Crowd {
  long senders;
  long each;
  long rounds;
  std::vector<ActorId> ids{};
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  Done done{};
};

class Sender final : public Actor {
 public:
  explicit Sender(const Crowd& crowd) : crowd_(crowd) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    Pay64 pay{};
    for (long i = 0; i < crowd_.each; ++i) {
      pay.seq = static_cast<std::uint64_t>(i);
      tell(context, envelope.sender, {}, bytes_of(pay));
    }
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  const Crowd& crowd_;
};

class Receiver final : public Actor {
 public:
  explicit Receiver(Crowd& crowd) : crowd_(crowd), total_(crowd.senders * crowd.each) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (!envelope.type.empty()) {
      start_round(context);
      return Handled::done;
    }
    sum_ += record_of<Pay64>(envelope.payload.data()).seq;
    if (++got_ == total_) end_round(context);
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void start_round(Context& context) {
    got_ = 0;
    for (const ActorId sender : crowd_.ids) tell(context, sender, "go");
  }
  void end_round(Context& context) {
    if (++round_ == 1) crowd_.start_ns = now_ns();
    if (round_ < crowd_.rounds) return start_round(context);
    crowd_.end_ns = now_ns();
    const auto each = static_cast<std::uint64_t>(crowd_.each);
    const auto times = static_cast<std::uint64_t>(crowd_.rounds * crowd_.senders);
    if (sum_ != times * (each * (each - 1) / 2)) give_up("W2", "the sum is wrong");
    crowd_.done.set();
  }

  Crowd& crowd_;
  const long total_;
  long got_ = 0;
  long round_ = 0;
  std::uint64_t sum_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Crowd crowd{arguments.number("--senders", 100), arguments.number("--each", 10'000),
              arguments.number("--rounds", 3)};
  Live live(threads);
  live.type("sender",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Sender>(crowd); });
  live.type("receiver",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Receiver>(crowd); });
  for (long i = 0; i < crowd.senders; ++i) {
    crowd.ids.push_back(live.spawn("sender", Name('s', static_cast<std::uint64_t>(i)).view()));
  }
  const ActorId receiver = live.spawn("receiver", "receiver");
  (void)must(live.engine.send(receiver, {"go", {}}), "the start");
  crowd.done.wait();
  const auto counted = crowd.senders * crowd.each * (crowd.rounds - 1);
  report("W2", "threads=" + std::to_string(threads),
         static_cast<double>(counted) / seconds_between(crowd.start_ns, crowd.end_ns), "msg/s");
}
