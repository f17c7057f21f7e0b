// W1: two actors, one 64-byte message under way. Messages a second, both directions.
#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Game {
  long rounds;
  std::uint64_t start_ns = 0;
  std::uint64_t end_ns = 0;
  Done done;
};

class Player final : public Actor {
 public:
  explicit Player(Game& game) : game_(game) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "start") {
      first_ = true;
      Pay64 ball{};
      std::memset(ball.pad, 7, sizeof ball.pad);
      const ActorId pong = must(context.resolve("pong"), "pong");
      game_.start_ns = now_ns();
      tell(context, pong, {}, bytes_of(ball));
      return Handled::done;
    }
    auto ball = record_of<Pay64>(envelope.payload.data());
    ++ball.seq;
    if (first_ && ++got_ == game_.rounds) {
      game_.end_ns = now_ns();
      game_.done.set();
      return Handled::done;
    }
    tell(context, envelope.sender, {}, bytes_of(ball));
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  Game& game_;
  bool first_ = false;
  long got_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Game game{arguments.number("--n", 1'000'000), 0, 0, {}};
  Live live(threads);
  live.type("player",
            [&](Context&, std::string_view) -> Made { return std::make_unique<Player>(game); });
  const ActorId ping = live.spawn("player", "ping");
  live.spawn("player", "pong");
  (void)must(live.engine.send(ping, {"start", {}}), "the start");
  game.done.wait();
  report("W1", "threads=" + std::to_string(threads),
         2.0 * static_cast<double>(game.rounds) / seconds_between(game.start_ns, game.end_ns),
         "msg/s");
}
