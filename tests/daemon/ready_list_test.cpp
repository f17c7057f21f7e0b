// When the gateway's thread is woken for what others post to its clients, and when it looks itself.
#include "daemon/gateway/ready_list.hpp"

#include <memory>

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;
using backstage::test::Script;
using backstage::test::ScriptedActor;
using backstage::test::Stage;

// A client on a list that this thread does not own: all it sends comes from afar.
struct Afar {
  Afar() {
    auto actor = std::make_unique<ScriptedActor>(script);
    REQUIRE(stage.engine.attach("ann", std::move(actor), ready, {}));
    turn();
    wakes = 0;
  }
  void send() { REQUIRE(stage.send("ann", "news")); }
  void turn() { ready.run(stage.clock, stage.clock.now() + 1s); }

  int wakes = 0;
  std::shared_ptr<Script> script = std::make_shared<Script>();
  ReadyList ready{[this] { ++wakes; }};
  Stage stage;
};

TEST_CASE("mail from afar wakes who owns the list, once until it has looked", "[gateway]") {
  Afar afar;
  afar.send();
  afar.send();
  CHECK(afar.wakes == 1);
  afar.turn();
  CHECK(afar.script->got.size() == 2);
  afar.send();
  CHECK(afar.wakes == 2);
}

TEST_CASE("while its owner looks itself nobody wakes it", "[gateway]") {
  Afar afar;
  {
    const ReadyList::Attention attention(afar.ready);
    CHECK_FALSE(attention.has_posted());
    afar.send();
    CHECK(attention.has_posted());
    afar.turn();
    CHECK_FALSE(attention.has_posted());
  }
  CHECK(afar.wakes == 0);
  CHECK(afar.script->got.size() == 1);
}

TEST_CASE("what comes after the owner's last look wakes it when it looks away", "[gateway]") {
  Afar afar;
  {
    const ReadyList::Attention attention(afar.ready);
    afar.turn();
    afar.send();
    CHECK(afar.wakes == 0);
  }
  CHECK(afar.wakes == 1);
  afar.turn();
  CHECK(afar.script->got.size() == 1);
}

}  // namespace
}  // namespace backstage::gateway::test
