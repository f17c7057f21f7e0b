// W4 idle: a million actors that have started and wait. Resident bytes per actor.
#include <atomic>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/live.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

class Idler final : public Actor {
 public:
  Outcome receive(Context&, const Envelope&) override { return Handled::done; }
  void ended(Context&, EndReason) noexcept override {}
};

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const long threads = arguments.number("--threads", 2);
  const long actors = arguments.number("--n", 1'000'000);
  std::atomic<long> started{0};
  Done done;
  Live live(threads);
  live.type("idler", [&](Context&, std::string_view) -> Made {
    if (started.fetch_add(1) + 1 == actors) done.set();
    return std::make_unique<Idler>();
  });
  const auto before = resident_bytes();
  for (long i = 0; i < actors; ++i) {
    live.spawn("idler", Name('i', static_cast<std::uint64_t>(i)).view());
  }
  done.wait();
  const auto grown = static_cast<double>(resident_bytes() - before);
  report("W4", "mode=idle", grown / static_cast<double>(actors), "bytes/actor");
  // Taking a million actors down is no part of the load.
  std::_Exit(0);
}
