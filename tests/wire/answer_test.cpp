// Answers: each line the daemon writes, read back by a client.
#include "daemon/wire/answer.hpp"

#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

using namespace std::chrono_literals;
using test::encoded;

struct Row {
  Answer answer;
  std::string_view line;
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all{
      {Welcome{.name = "desk",
               .session = "6f1d",
               .epoch = "e10e9ffb",
               .last_id = 7,
               .max_payload = 1048576,
               .pub = "tcp://127.0.0.1:7771",
               .ingest = "tcp://127.0.0.1:7772"},
       "WELCOME v=1 name=desk session=6f1d epoch=e10e9ffb last_id=7 max_payload=1048576 window=0 "
       "pub=tcp://127.0.0.1:7771 ingest=tcp://127.0.0.1:7772"},
      {Ok{}, "OK 0"},
      {Ok{.id = id_max}, "OK 9223372036854775807"},
      {Ok{.id = 1, .sub = 1, .seq = 0}, "OK 1 sub=1 seq=0"},
      {Ok{.id = 2, .n = 0, .full = 0, .dup = true}, "OK 2 n=0 full=0 dup=1"},
      {Err{.status = status(Errc::no_actor)}, "ERR 0 404 no_actor"},
      {Err{.id = 3, .status = status(Errc::mailbox_full), .retry_ms = 50, .dup = true},
       "ERR 3 429 mailbox_full retry=50 dup=1"},
      {Err{.id = 4, .status = status(WireErrc::version), .supported = 1},
       "ERR 4 505 version supported=1"},
      {Rep{.id = 5}, "REP 5"},
      {Rep{.id = 5, .type = "total"}, "REP 5 type=total"},
      {Val{.id = 6, .address = "a/b", .seq = 7, .sender = "a"}, "VAL 6 a/b 7 a"},
      {Val{.id = 6, .address = "a/b", .seq = 7, .sender = "a", .type = "t"},
       "VAL 6 a/b 7 a type=t"},
      {Msg{.sub = 1, .address = "a/b", .seq = 2, .sender = "a"}, "MSG 1 a/b 2 a"},
      {Msg{.sub = 0,
           .address = "desk",
           .sender = "x",
           .type = "t",
           .rid = 9,
           .snapshot = true,
           .redelivered = true},
       "MSG 0 desk 0 x type=t rid=9 snap=1 redelivered=1"},
      {Gap{.sub = 1, .address = "a/b", .first = 3, .last = 9}, "GAP 1 a/b 3 9 slow"},
      {Gap{.sub = 1, .address = "a/b", .first = 0, .last = 9, .reason = GapReason::conflate},
       "GAP 1 a/b 0 9 conflate"},
      {Pong{.epoch = "e1", .subs = 0}, "PONG epoch=e1 subs=0"},
      {Pong{.epoch = "e1", .subs = 3, .token = "17"}, "PONG epoch=e1 subs=3 17"},
      {Heartbeat{}, "PING"},
      {Farewell{status_ok}, "BYE 200 ok"},
      {Farewell{status(Errc::stopping)}, "BYE 503 stopping"},
      {Draining{10s}, "DRAINING 10000"},
      {Down{.actor = "a", .reason = "no_actor"}, "DOWN a no_actor"},
      {Packed{.count = 2}, "BATCH 2"},
  };
  return all;
}

TEST_CASE("every answer is written as published and read back the same", "[wire]") {
  for (const Row& row : rows()) {
    CAPTURE(row.line);
    CHECK(encoded(row.answer) == row.line);
    const auto read = read_answer(row.line);
    REQUIRE(read.has_value());
    CHECK(*read == row.answer);
  }
}

TEST_CASE("encoding appends to what is there", "[wire]") {
  std::string out = "before ";
  encode(out, Ok{.id = 1});
  CHECK(out == "before OK 1");
}

TEST_CASE("REP VAL MSG and BATCH bring a payload and nothing else must", "[wire]") {
  for (const Row& row : rows()) {
    CAPTURE(row.line);
    const auto verb = row.line.substr(0, row.line.find(' '));
    CHECK(has_payload(row.answer) ==
          (verb == "REP" || verb == "VAL" || verb == "MSG" || verb == "BATCH"));
  }
}

TEST_CASE("an endpoint with spaces stays one word", "[wire]") {
  const auto line = encoded(Welcome{.pub = "ipc:///run/my dir/\xc3\xa4.sock"});
  CHECK(line.find("pub=ipc:///run/my%20dir/%C3%A4.sock") != std::string::npos);
  CHECK(read_answer(line).has_value());
}

TEST_CASE("clients ignore keys they do not know", "[wire]") {
  for (const Row& row : rows()) {
    // After its token PONG takes nothing more, PING never had anything to add.
    if (row.line.starts_with("PONG") || row.line == "PING") continue;
    const std::string line = std::string(row.line) + " later=1";
    CAPTURE(line);
    const auto read = read_answer(line);
    REQUIRE(read.has_value());
    CHECK(*read == row.answer);
  }
  CHECK(read_answer("PONG epoch=e1 subs=1 later=1 17") ==
        Answer(Pong{.epoch = "e1", .subs = 1, .token = "17"}));
}

TEST_CASE("broken answers are refused with a sentence", "[wire]") {
  for (const auto* line : {"",
                           "OK",
                           "OK x",
                           "OK 1 sub=x",
                           "OK 1 extra",
                           "OK 1 dup=2",
                           "OK -1",
                           "ERR 1",
                           "ERR 1 404",
                           "ERR 1 4040 no_actor",
                           "ERR 1 404 no_actor retry=x",
                           "REP",
                           "REP 1 extra",
                           "VAL 1 a/b 1",
                           "VAL 1 a/b x a",
                           "MSG 1 a/b 1",
                           "MSG 1 a/b 1 a rid=x",
                           "MSG 1 a/b 1 a snap=3",
                           "GAP 1 a/b 1 2",
                           "GAP 1 a/b 1 2 bored",
                           "GAP 1 a/b x 2 slow",
                           "PONG subs=x",
                           "PONG a b",
                           "BYE",
                           "BYE 200",
                           "DRAINING",
                           "DRAINING soon",
                           "DOWN",
                           "DOWN a",
                           "NEWS 1",
                           "WELCOME v=x",
                           "WELCOME max_payload=-1",
                           "OK  1",
                           "ok 1"}) {
    CAPTURE(line);
    const auto read = read_answer(line);
    REQUIRE_FALSE(read.has_value());
    CHECK_FALSE(read.error().empty());
  }
}

TEST_CASE("the header of pub is written and read back", "[wire]") {
  const PubHeader header{
      .address = "counter/default", .seq = 4, .epoch = "e10e9ffb", .sender = "counter"};
  CHECK(encoded(header) == "counter/default|4|e10e9ffb|counter");
  CHECK(read_pub_header("counter/default|4|e10e9ffb|counter") == header);
  for (const auto* frame : {"", "a/b", "a/b|1", "a/b|1|e", "a/b|1|e|", "a/b|x|e|s", "|1|e|s",
                            "a/b|1||s", "a/b|1|e|s|t", "a/b|-1|e|s"}) {
    CAPTURE(frame);
    CHECK_FALSE(read_pub_header(frame).has_value());
  }
}

TEST_CASE("a refusal becomes the ERR line that names its command", "[wire]") {
  CHECK(encoded(Refusal{.id = 3, .status = status(Errc::bad_arg), .text = "why"}) ==
        "ERR 3 400 bad_arg");
  CHECK(encoded(Refusal{.id = 0, .status = status(WireErrc::version), .text = {}}) ==
        "ERR 0 505 version supported=1");
}

}  // namespace
}  // namespace backstage::wire
