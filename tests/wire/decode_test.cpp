// Every verb as a client may write it, and the values it becomes.
#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

using namespace std::chrono_literals;
using test::good;

TEST_CASE("HELLO carries versions, name and wishes", "[wire]") {
  CHECK(good<Hello>("HELLO v=1") == Hello{});
  const auto all = good<Hello>(
      "HELLO v=2,1 id=3 name=desk resume=TOKEN ttl=30 hb=5000 verbose=1 frames=1 batch=1");
  CHECK(all.id == 3);
  CHECK(all.version == 1);
  CHECK(all.name == "desk");
  CHECK(all.resume == "TOKEN");
  CHECK(all.ttl == 30s);
  CHECK(all.heartbeat == 5s);
  CHECK(all.verbose);
  CHECK(all.one_frame);
  CHECK(all.batch);
  const auto none = good<Hello>("HELLO v=1 ttl=0 hb=0 verbose=0 frames=2 batch=0");
  CHECK(none == Hello{});
  CHECK(good<Hello>("HELLO name=x v=1").name == "x");
}

TEST_CASE("SEND takes an actor, an id, a type and a source", "[wire]") {
  CHECK(good<Send>("SEND counter") == Send{.actor = "counter"});
  CHECK(good<Send>("SEND book:BTC-USD id=12 type=add from=meter-7") ==
        Send{.id = 12, .actor = "book:BTC-USD", .type = "add", .from = "meter-7"});
  CHECK(good<Send>("SEND $backstage").actor == "$backstage");
  CHECK(good<Send>("SEND a%2Fb").actor == "a%2Fb");
}

TEST_CASE("REQ takes a deadline of 1 ms to a day", "[wire]") {
  CHECK(good<Request>("REQ counter id=1") == Request{.id = 1, .actor = "counter"});
  CHECK(good<Request>("REQ counter") == Request{.actor = "counter"});
  CHECK(good<Request>("REQ counter id=1 ttl=1 type=add") ==
        Request{.id = 1, .actor = "counter", .ttl = 1ms, .type = "add"});
  CHECK(good<Request>("REQ counter id=1 ttl=86400000").ttl == 24h);
}

TEST_CASE("PUB takes an address whose actor may be the sender itself", "[wire]") {
  CHECK(good<Publish>("PUB feed/flight.ATL id=4 type=dep from=feed retain=1") ==
        Publish{.id = 4,
                .actor = "feed",
                .topic = "flight.ATL",
                .type = "dep",
                .from = "feed",
                .retain = true});
  CHECK(good<Publish>("PUB /quote") == Publish{.topic = "quote"});
  CHECK(good<Publish>("PUB feed") == Publish{.actor = "feed", .topic = "default"});
  CHECK_FALSE(good<Publish>("PUB feed retain=0").retain);
}

TEST_CASE("SUB and UNSUB take patterns", "[wire]") {
  const auto plain = good<Subscribe>("SUB counter id=1");
  CHECK(plain.pattern.text() == "counter/default");
  CHECK(plain.window == 0);
  CHECK_FALSE(plain.over.has_value());
  CHECK_FALSE(plain.ack);
  CHECK_FALSE(plain.snapshot);

  const auto all = good<Subscribe>("SUB feed/md.*.delta id=2 window=8 ack=1 snap=1 over=conflate");
  CHECK(all.id == 2);
  CHECK(all.pattern.has_wildcard());
  CHECK(all.pattern.matches("feed", "md.EUR.delta"));
  CHECK(all.window == 8);
  CHECK(all.over == Over::conflate);
  CHECK(all.ack);
  CHECK(all.snapshot);
  CHECK(good<Subscribe>("SUB */md.> over=kick").over == Over::kick);
  CHECK(good<Subscribe>("SUB $sys/tick").pattern.text() == "$sys/tick");
  CHECK(good<Subscribe>("SUB a window=65536").window == window_max);

  CHECK(good<Unsubscribe>("UNSUB */md.> id=3").pattern.text() == "*/md.>");
  CHECK(good<Unsubscribe>("UNSUB counter").pattern.text() == "counter/default");
}

TEST_CASE("GET ACK WATCH and UNWATCH take what they name", "[wire]") {
  CHECK(good<Get>("GET a/b id=1") == Get{.id = 1, .actor = "a", .topic = "b"});
  CHECK(good<Get>("GET a") == Get{.actor = "a", .topic = "default"});
  CHECK(good<Ack>("ACK 1 42") == Ack{.sub = 1, .seq = 42});
  CHECK(good<Ack>("ACK 0 1 id=3") == Ack{.id = 3, .sub = 0, .seq = 1});
  CHECK(good<Ack>("ACK 1 2 a/b id=3") ==
        Ack{.id = 3, .sub = 1, .seq = 2, .actor = "a", .topic = "b"});
  CHECK(good<Ack>("ACK 1 2 a") == Ack{.sub = 1, .seq = 2, .actor = "a", .topic = "default"});
  CHECK(good<Watch>("WATCH counter id=1") == Watch{.id = 1, .actor = "counter"});
  CHECK(good<Unwatch>("UNWATCH counter") == Unwatch{.actor = "counter"});
}

TEST_CASE("PING SYNC BATCH and BYE are short", "[wire]") {
  CHECK(good<Ping>("PING") == Ping{});
  CHECK(good<Ping>("PING 17 id=2") == Ping{.id = 2, .token = "17"});
  CHECK(good<Ping>("PING a|b/c").token == "a|b/c");
  CHECK(good<Ping>("PING " + std::string(64, 't')).token.size() == token_bytes_max);
  CHECK(good<Sync>("SYNC me id=1") == Sync{.id = 1, .token = "me"});
  CHECK(good<Batch>("BATCH 1") == Batch{.count = 1});
  CHECK(good<Batch>("BATCH 1024 id=9") == Batch{.id = 9, .count = 1024});
  CHECK(good<Bye>("BYE") == Bye{});
  CHECK(good<Bye>("BYE id=4") == Bye{.id = 4});
}

TEST_CASE("a client answers with REP or ERR", "[wire]") {
  CHECK(good<Reply>("REP 31 type=price") == Reply{.rid = 31, .type = "price"});
  CHECK(good<ReplyError>("ERR 31 404 no_value id=5") ==
        ReplyError{.id = 5, .rid = 31, .code = 404, .token = "no_value"});
  CHECK(good<ReplyError>("ERR 1 400 a").code == 400);
  CHECK(good<ReplyError>("ERR 1 599 a").code == 599);
}

TEST_CASE("unknown keys are ignored whatever they hold", "[wire]") {
  CHECK(good<Send>("SEND counter colour=blue x==y z= id=1") == Send{.id = 1, .actor = "counter"});
}

TEST_CASE("keys of other verbs are unknown keys", "[wire]") {
  CHECK(good<Send>("SEND counter retain=9 ttl=x over=never") == Send{.actor = "counter"});
  CHECK(good<Bye>("BYE type=a/b type=a/b") == Bye{});
}

TEST_CASE("a known key with an exclamation mark is that key", "[wire]") {
  CHECK(good<Send>("SEND counter id!=3 type!=add") ==
        Send{.id = 3, .actor = "counter", .type = "add"});
}

TEST_CASE("names are taken up to their limits", "[wire]") {
  const std::string actor(64, 'a');
  const std::string topic(128, 't');
  CHECK(good<Send>("SEND " + actor).actor.size() == 64);
  CHECK(good<Publish>("PUB " + actor + "/" + topic).topic.size() == 128);
  CHECK(good<Publish>("PUB /" + topic).topic.size() == 128);
  CHECK(good<Send>("SEND a type=" + actor).type.size() == 64);
}

TEST_CASE("composing and decoding are inverse for every verb", "[wire]") {
  const auto pattern = *Pattern::parse("*/md.>");
  const std::vector<Command> commands{
      Hello{.id = 1,
            .name = "n",
            .resume = "r",
            .ttl = 30s,
            .heartbeat = 500ms,
            .verbose = true,
            .one_frame = true,
            .batch = true},
      Hello{},
      Send{.id = id_max, .actor = "a", .type = "t", .from = "f"},
      Request{.id = 2, .actor = "a", .ttl = 5ms, .type = "t"},
      Publish{.id = 3, .actor = "a", .topic = "b", .type = "t", .from = "f", .retain = true},
      Publish{.topic = "b"},
      Subscribe{.id = 4,
                .pattern = pattern,
                .window = 5,
                .over = Over::newest,
                .ack = true,
                .snapshot = true},
      Unsubscribe{.id = 5, .pattern = pattern},
      Get{.id = 6, .actor = "a", .topic = "b"},
      Ack{.id = 7, .sub = 8, .seq = 9},
      Ack{.id = 7, .sub = 8, .seq = 9, .actor = "a", .topic = "b"},
      Ping{},
      Ping{.id = 10, .token = "t"},
      Reply{.id = 11, .rid = 12, .type = "t"},
      ReplyError{.id = 13, .rid = 14, .code = 503, .token = "busy"},
      Sync{.id = 15, .token = "t"},
      Batch{.id = 16, .count = 17},
      Bye{.id = 18},
      Watch{.id = 19, .actor = "a"},
      Unwatch{.id = 20, .actor = "a"},
  };
  for (const Command& command : commands) {
    const std::string line = test::composed(command);
    CAPTURE(line);
    const auto decoded = decode(line);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == command);
    CHECK(id_of(*decoded) == id_of(command));
  }
}

TEST_CASE("REQ and GET are the verbs that need an id", "[wire]") {
  for (const auto* line : {"REQ a", "GET a"}) CHECK(needs_id(*decode(line)));
  for (const auto* line : {"SEND a", "PUB a", "SUB a", "PING", "HELLO v=1"}) {
    CHECK_FALSE(needs_id(*decode(line)));
  }
}

}  // namespace
}  // namespace backstage::wire
