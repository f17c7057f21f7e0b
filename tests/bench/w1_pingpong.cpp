// W1: two actors, one 64-byte message under way. Messages a second, both directions.
#include <cstring>

#include "tests/bench/bench.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

struct Ball {
  std::uint64_t seq;
  char pad[56];
};
static_assert(sizeof(Ball) == 64);

struct Game {
  long rounds;
  std::uint64_t end_ns = 0;
  Done done;
};

class Player final : public Actor {
 public:
  explicit Player(Game& game) : game_(game) {}
  Outcome receive(Context& context, const Envelope& envelope) override {
    if (envelope.type == "start") {
      first_ = true;
      Ball ball{};
      std::memset(ball.pad, 7, sizeof ball.pad);
      hit(context, *context.resolve("pong"), ball);
      return Handled::done;
    }
    Ball ball;
    std::memcpy(&ball, envelope.payload.data(), sizeof ball);
    ++ball.seq;
    if (first_ && ++got_ == game_.rounds) {
      game_.end_ns = now_ns();
      game_.done.set();
      return Handled::done;
    }
    hit(context, envelope.sender, ball);
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  static void hit(Context& context, ActorId to, const Ball& ball) {
    (void)context.send(to, {{}, Payload({reinterpret_cast<const char*>(&ball), sizeof ball})});
  }
  Game& game_;
  bool first_ = false;
  long got_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  Game game{arguments.number("--n", 1'000'000), 0, {}};
  Live live(static_cast<std::uint32_t>(threads));
  live.type("player",
            [&](Context&, std::string_view) -> std::expected<std::unique_ptr<Actor>, Failure> {
              return std::make_unique<Player>(game);
            });
  (void)live.engine.spawn({.type = "player", .name = "ping"});
  (void)live.engine.spawn({.type = "player", .name = "pong"});
  const auto start = now_ns();
  (void)live.engine.send("ping", {"start", {}});
  game.done.wait();
  const double seconds = static_cast<double>(game.end_ns - start) / 1e9;
  report("W1", "threads=" + std::to_string(threads),
         2.0 * static_cast<double>(game.rounds) / seconds, "msg/s");
}
