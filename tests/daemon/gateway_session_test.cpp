// Sessions: names, repeated ids, limits, draining and the end.
#include "tests/support/catch.hpp"
#include "tests/support/gateway_fixture.hpp"

namespace backstage::gateway::test {
namespace {

using Lines = std::vector<std::string>;

bool starts(const std::string& line, std::string_view with) { return line.starts_with(with); }

TEST_CASE("HELLO is welcomed with all a client needs", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  const auto heard = client.ask("HELLO v=1,2 name=desk id=1");
  REQUIRE(heard.size() == 1);
  CHECK(starts(heard[0], "WELCOME v=1 name=desk session="));
  CHECK(
      heard[0].ends_with(" epoch=e10e9ffb last_id=0 max_payload=1048576 window=1000 "
                         "pub=tcp://127.0.0.1:7771 ingest=tcp://127.0.0.1:7772"));
  CHECK(world.events.has("opened desk"));
  CHECK(world.counters.sessions.get() == 1);
}

TEST_CASE("a HELLO for a held name is refused, and the name is free when its holder is gone",
          "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("t");
  (void)world.stage.spawn("t", "hosted");
  auto first = world.dealer();
  auto second = world.dealer();
  first.say("HELLO v=1 name=desk");
  CHECK(second.ask("HELLO v=1 name=desk id=1") == Lines{"ERR 1 409 name_in_use"});
  CHECK(second.ask("HELLO v=1 name=hosted id=2") == Lines{"ERR 2 409 name_in_use"});
  CHECK(starts(second.ask("HELLO v=1 name=$me id=3").at(0), "ERR 3 403 reserved_name"));
  first.leave();
  CHECK(starts(second.ask("HELLO v=1 name=desk id=4").at(0), "WELCOME v=1 name=desk"));
}

TEST_CASE("a session keeps its name", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("SUB a id=1");
  (void)client.heard();
  CHECK(starts(client.ask("HELLO v=1 name=late id=2").at(0), "ERR 2 400 bad_arg\n"));
  CHECK(starts(client.ask("HELLO v=1 id=3").at(0), "WELCOME v=1 name=client.1 "));
}

TEST_CASE("PING does not begin a session, so that HELLO may follow", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  CHECK(client.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=0"});
  CHECK(starts(client.ask("HELLO v=1 name=desk").at(0), "WELCOME v=1 name=desk"));
}

TEST_CASE("an anonymous name that somebody has taken is passed over", "[gateway]") {
  GatewayWorld world;
  auto squatter = world.dealer();
  auto client = world.dealer();
  squatter.say("HELLO v=1 name=client.2");
  CHECK(starts(client.ask("HELLO v=1").at(0), "WELCOME v=1 name=client.100000002 "));
}

TEST_CASE("BYE ends session, name and subscriptions, and another may begin", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("HELLO v=1 name=desk");
  client.say("SUB a id=1");
  (void)client.heard();
  // No turn of the loop lies between the two.
  client.whisper({"BYE"});
  client.whisper({"HELLO v=1 name=desk"});
  world.settle();
  const auto heard = client.heard();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == "BYE 200 ok");
  CHECK(starts(heard[1], "WELCOME v=1 name=desk"));
  CHECK(client.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=0"});
  CHECK(world.events.has("ended desk disconnected"));
}

TEST_CASE("frames=1 gives answers in one frame", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("HELLO v=1 frames=1");
  client.say("SUB a id=1");
  client.say("PUB a id=2\nbody");
  for (const auto& frames : world.transport.lines[client.id()].heard) CHECK(frames.size() == 1);
  CHECK(client.heard().back() == "MSG 1 a/default 1 client.1\nbody");
}

TEST_CASE("a named session's repeated SEND and PUB are answered again and not done again",
          "[gateway]") {
  GatewayWorld world;
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto client = world.dealer();
  client.say("HELLO v=1 name=feed");
  (void)client.heard();
  CHECK(client.ask("SEND sink id=1\nx") == Lines{"OK 1"});
  CHECK(client.ask("SEND sink id=1\nx") == Lines{"OK 1 dup=1"});
  CHECK(client.ask("SEND nosuch id=2\nx") == Lines{"ERR 2 404 no_actor"});
  CHECK(client.ask("SEND nosuch id=2\nx") == Lines{"ERR 2 404 no_actor dup=1"});
  CHECK(client.ask("PUB /a id=3\nx") == Lines{"OK 3 n=0 full=0"});
  CHECK(client.ask("PUB /a id=3\nx") == Lines{"OK 3 n=0 full=0 dup=1"});
  CHECK(sink->got.size() == 1);
  CHECK(client.ask("SUB feed/a id=4") == Lines{"OK 4 sub=1 seq=1"});
}

TEST_CASE("ids older than the answers kept are dup_unknown, and anonymous ids are not kept",
          "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.answers_kept = 4;
  GatewayWorld world(options);
  const auto sink = world.stage.type("sink");
  (void)world.stage.spawn("sink", "sink");
  auto client = world.dealer();
  client.say("HELLO v=1 name=feed");
  for (int id = 1; id <= 6; ++id) client.say("SEND sink id=" + std::to_string(id));
  (void)client.heard();
  CHECK(client.ask("SEND sink id=2") == Lines{"ERR 2 409 dup_unknown"});
  CHECK(client.ask("SEND sink id=3") == Lines{"OK 3 dup=1"});
  CHECK(client.ask("SEND sink id=7") == Lines{"OK 7"});
  CHECK(sink->got.size() == 7);
  auto anonymous = world.dealer();
  CHECK(anonymous.ask("SEND sink id=1") == Lines{"OK 1"});
  CHECK(anonymous.ask("SEND sink id=1") == Lines{"OK 1"});
}

TEST_CASE("REQ is never taken for a repetition", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
  auto client = world.dealer();
  client.say("HELLO v=1 name=feed");
  (void)client.heard();
  CHECK(client.ask("REQ echo id=1\na") == Lines{"REP 1\na"});
  CHECK(client.ask("REQ echo id=1\nb") == Lines{"REP 1\nb"});
}

TEST_CASE("sessions over the limit are refused and the others served", "[gateway]") {
  auto options = GatewayWorld::default_options();
  options.limits.sessions_max = 2;
  GatewayWorld world(options);
  auto first = world.dealer();
  auto second = world.dealer();
  auto third = world.dealer();
  first.say("SUB a id=1");
  second.say("SUB a id=1");
  CHECK(third.ask("SUB a id=1") == Lines{"ERR 1 503 sessions_full retry=1000"});
  CHECK(world.counters.sessions_refused.get() == 1);
  first.leave();
  CHECK(third.ask("SUB a id=2") == Lines{"OK 2 sub=1 seq=0"});
}

TEST_CASE("a connection with a routing id of its own is told so and not served", "[gateway]") {
  GatewayWorld world;
  auto client = world.connect(SocketKind::dealer, true);
  CHECK(starts(client.ask("SUB a id=1").at(0), "ERR 1 400 bad_arg\nthis connection has set a "));
  CHECK(client.ask("PING id=2").size() == 1);
  CHECK(world.counters.refused_peers.get() == 1);
  CHECK(world.counters.sessions.get() == 0);
}

TEST_CASE("while draining, new work is refused and the rest answered", "[gateway]") {
  GatewayWorld world;
  (void)world.stage.type("echo", [](Context& context, const Envelope& envelope) -> Outcome {
    (void)context.reply(envelope.request_ref(), {{}, envelope.payload});
    return Handled::done;
  });
  (void)world.stage.spawn("echo", "echo");
  auto client = world.dealer();
  client.say("SUB a id=1");
  client.whisper({"REQ echo id=2\nx"});
  world.front.begin_draining(std::chrono::milliseconds(10'000));
  world.settle();
  CHECK(client.heard() == Lines{"OK 1 sub=1 seq=0", "DRAINING 10000", "REP 2\nx"});
  CHECK(client.ask("SEND echo id=3") == Lines{"ERR 3 503 stopping retry=1000"});
  CHECK(client.ask("REQ echo id=4") == Lines{"ERR 4 503 stopping retry=1000"});
  CHECK(client.ask("PUB a id=5") == Lines{"ERR 5 503 stopping retry=1000"});
  CHECK(client.ask("SUB b id=6") == Lines{"ERR 6 503 stopping retry=1000"});
  CHECK(client.ask("PING") == Lines{"PONG epoch=e10e9ffb subs=1"});
  CHECK(client.ask("UNSUB a id=7") == Lines{"OK 7"});
  CHECK(world.transport.is_paused);
}

TEST_CASE("stopping says BYE to every session and leaves no cell behind", "[gateway]") {
  GatewayWorld world;
  auto named = world.dealer();
  auto silent = world.dealer();
  auto req = world.req();
  named.say("HELLO v=1 name=desk");
  silent.say("PING");
  req.say("SEND desk id=1\nx");
  (void)named.heard();
  (void)silent.heard();
  (void)req.heard();
  world.front.begin_stop();
  world.settle();
  CHECK(named.heard() == Lines{"BYE 503 stopping"});
  CHECK(silent.heard() == Lines{"BYE 503 stopping"});
  CHECK(req.heard().empty());
  CHECK(world.front.is_stopped());
  CHECK(world.stage.engine.stats().actors == 0);
  CHECK(world.stage.ledger().is_balanced());
  CHECK(named.ask("PING").empty());
}

TEST_CASE("a session stopped by the operator is told, and must say HELLO again", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  client.say("HELLO v=1 name=desk");
  (void)client.heard();
  const auto id = world.stage.engine.find("desk");
  REQUIRE(id);
  REQUIRE(world.stage.engine.stop(*id, StopVerb::stop));
  world.settle();
  CHECK(client.heard() == Lines{"BYE 503 stopping"});
  CHECK(client.ask("SEND desk id=1") == Lines{"ERR 1 440 hello_required"});
  CHECK(starts(client.ask("HELLO v=1 name=desk").at(0), "WELCOME v=1 name=desk"));
}

TEST_CASE("a peer found gone on sending ends its session", "[gateway]") {
  GatewayWorld world;
  auto client = world.dealer();
  auto other = world.dealer();
  client.say("HELLO v=1 name=desk");
  client.say("SUB a id=1");
  world.transport.lines[client.id()].is_gone = true;
  CHECK(other.ask("PUB a id=1\nx") == Lines{"OK 1 n=1 full=0"});
  CHECK(other.ask("PUB a id=2\nx") == Lines{"OK 2 n=0 full=0"});
  CHECK(world.counters.gone.get() == 1);
  CHECK(world.front.connections() == 1);
  CHECK(world.stage.ledger().is_balanced());
}

}  // namespace
}  // namespace backstage::gateway::test
