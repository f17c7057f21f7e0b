// What an actor costs in memory while it has nothing to do.
#include <array>

#include "tests/support/catch.hpp"
#include "tests/support/heap.hpp"
#include "tests/support/stage.hpp"

namespace backstage::test {
namespace {

constexpr std::size_t actors = tells_heap ? 50'000 : 500;

class Idler final : public Actor {
 public:
  Outcome receive(Context&, const Envelope&) override { return Handled::done; }
  void ended(Context&, EndReason) noexcept override {}
};

class IdlerFactory final : public ActorFactory {
 public:
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<Idler>();
  }
};

std::size_t bytes_of_a_state() {
  constexpr std::size_t states = 1'000;
  std::array<std::unique_ptr<Idler>, states> kept;
  const std::size_t before = heap_bytes();
  for (auto& state : kept) state = std::make_unique<Idler>();
  return (heap_bytes() - before) / states;
}

struct Crowd {
  Crowd() {
    ActorType type;
    type.name = "idler";
    type.factory = std::make_shared<IdlerFactory>();
    const auto added = stage.engine.add_type(std::move(type));
    REQUIRE(added);
    before = heap_bytes();
    for (std::size_t i = 0; i < actors; ++i) {
      ids.at(i) = stage.spawn("idler", "idler:" + std::to_string(i));
    }
  }
  // Of one actor, without its state.
  [[nodiscard]] std::size_t bytes_each() {
    // Moved over, for an assignment of {} would keep the capacity.
    stage.record.lines = std::vector<std::string>();
    return (heap_bytes() - before) / actors - bytes_of_a_state();
  }

  Stage stage;
  std::array<ActorId, actors> ids{};
  std::size_t before = 0;
};

constexpr std::size_t idle_bytes_max = 512;

TEST_CASE("an actor that got no message yet costs at most 512 bytes beside its state") {
  const auto crowd = std::make_unique<Crowd>();
  REQUIRE(crowd->stage.engine.stats().actors == actors);
  if (tells_heap) CHECK(crowd->bytes_each() <= idle_bytes_max);
}

TEST_CASE("an actor that has handled its messages costs at most 512 bytes beside its state") {
  const auto crowd = std::make_unique<Crowd>();
  for (const ActorId id : crowd->ids) {
    REQUIRE(crowd->stage.engine.send(id, {"hello", Payload("a first message")}, "test"));
    REQUIRE(crowd->stage.engine.send(id, {"hello", Payload("a second message")}, "test"));
    REQUIRE(crowd->stage.settle());
  }
  REQUIRE(crowd->stage.ledger().handled == 2 * actors);
  if (tells_heap) CHECK(crowd->bytes_each() <= idle_bytes_max);
}

}  // namespace
}  // namespace backstage::test
