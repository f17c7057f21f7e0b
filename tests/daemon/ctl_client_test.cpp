// The C++ client without a daemon: its lines, and who is not there. What it does with a daemon, and
// with one that misbehaves, tests/clients says.
#include <fstream>
#include <vector>

#include "clients/cpp/backstage/client.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::client {
using daemon::TempDir;
using namespace std::chrono_literals;

TEST_CASE("a line of the protocol is read word by word, whatever it lacks", "[client]") {
  const std::string line = "REP 17 type=total a=b=c";
  CHECK(word(line, 0) == "REP");
  CHECK(number(word(line, 1)) == 17);
  CHECK(key(line, "type") == "total");
  CHECK(key(line, "a") == "b=c");
  CHECK(key(line, "b").empty());
  CHECK(key(line, "typ").empty());
  CHECK(word(line, 9).empty());
  CHECK(number(word(line, 0)) == 0);
  CHECK(word("", 0).empty());
  CHECK(word("", 3).empty());
}

TEST_CASE("a batch is unpacked as it was packed, or not at all", "[client]") {
  std::string packed;
  const std::string bytes("\n\0x", 3);
  pack(packed, "SEND counter id=1", "5");
  pack(packed, "PUB a/b", bytes);
  std::vector<reply> entries;
  const auto keep = [&entries](reply it) { entries.push_back(std::move(it)); };
  REQUIRE(unpack(packed, keep));
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].line == "SEND counter id=1");
  CHECK(entries[1].payload == bytes);
  const auto whole = packed.size() - std::string("....PUB a/b\n").size() - bytes.size();
  for (std::size_t cut = 1; cut < packed.size(); ++cut) {
    CHECK(unpack(std::string_view(packed).substr(0, cut), keep) == (cut == whole));
  }
  CHECK(unpack("", keep));
}

TEST_CASE("a command is one line, with what was said and nothing else", "[client]") {
  CHECK(command{"SEND", "counter", "5", {}}.line(7) == "SEND counter id=7");
  CHECK(command{"ACK", "3 41", {}, {}}.line(0) == "ACK 3 41");
  CHECK(command{"PUB", "a/b", {}, {.type = "t", .is_retained = true}}.line(8) ==
        "PUB a/b id=8 type=t retain=1");
  CHECK(command{"REQ", "a", {}, {.timeout = 80ms}}.line(9) == "REQ a id=9 ttl=80");
  CHECK(command{"SUB",
                "a/*",
                {},
                {.wants_snapshot = true, .over = "newest", .window = 5, .is_acked = true}}
            .line(1) == "SUB a/* id=1 over=newest window=5 ack=1 snap=1");
}

TEST_CASE("no text can add a key to a line, or end it", "[client]") {
  for (const char* const bad : {"", "a b", "a\nb", "a=b", "a id=7", "\xc3\xa4"}) {
    CHECK_FALSE(is_word(bad));
  }
  CHECK_FALSE(is_word(std::string(201, 'a')));
  CHECK(is_word("book:BTC-USD/md.*.delta"));
  CHECK(with_topic("counter") == "counter/default");
  CHECK(with_topic("*/board") == "*/board");
}

TEST_CASE("a refusal says what was asked, why, and what to do next", "[client]") {
  const auto full = error_of({"ERR 3 429 mailbox_full retry=50", {}}, "SEND counter");
  CHECK(full.text == "SEND counter: 429 mailbox_full");
  CHECK(full.retry == 50ms);
  CHECK(full.is_retryable());
  const auto wrong = error_of({"ERR 3 400 bad_arg", "it adds integers"}, "REQ counter");
  CHECK(wrong.text == "REQ counter: 400 bad_arg: it adds integers");
  CHECK_FALSE(wrong.is_retryable());
  // Tokens of a later version are judged by their number.
  for (const unsigned number : {400U, 418U, 429U, 500U, 503U, 504U, 599U}) {
    CHECK_FALSE(std::string_view(advice(number, "of_a_later_version")).empty());
  }
}

TEST_CASE("an endpoint is taken as it is, or from the file that the daemon writes", "[client]") {
  const TempDir dir;
  CHECK(endpoint_in("tcp://h:1") == "tcp://h:1");
  CHECK(endpoint_in(dir.path("none")).empty());
  const auto file = dir.path("endpoints.json");
  std::ofstream(file) << R"({"pid":1,"cmd":["ipc:///x","tcp://127.0.0.1:9"],"pub":[]})";
  CHECK(endpoint_in(file) == "ipc:///x");
  CHECK(endpoint_in(file.substr(0, file.rfind('/'))) == "ipc:///x");
  for (const char* const odd : {"", "[]", "{", R"({"cmd":[]})", R"({"cmd")", R"({"cmd":["x)"}) {
    INFO(odd);
    std::ofstream(file, std::ios::trunc) << odd;
    CHECK(endpoint_in(file).empty());
  }
}

TEST_CASE("a client tells a wrong endpoint from one where nobody listens", "[client]") {
  const TempDir dir;
  const options bad{.curve = {"short", "short", "short"}};
  CHECK(connection("tcp://nonsense:x:y").open().error().token == "bad_endpoint");
  CHECK(connection("tcp://127.0.0.1:1", bad).open().error().token == "bad_endpoint");
  // A file may still come to be.
  CHECK(connection(dir.path("nowhere")).open(50ms).error().token == "unreachable");
  const auto nobody = connection("ipc://" + dir.path("none.sock")).open(50ms);
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().token == "unreachable");
  CHECK(nobody.error().is_retryable());
  CHECK(nobody.error().text.find("nobody listens") != std::string::npos);
  CHECK_FALSE(nobody.error().next.empty());
}

TEST_CASE("whoever listens and does not answer is told from nobody", "[client]") {
  const TempDir dir;
  const auto endpoint = "ipc://" + dir.path("cmd.sock");
  zmq::context_t context;
  zmq::socket_t router(context, zmq::socket_type::router);
  router.bind(endpoint);
  const auto mute = connection(endpoint).open(200ms);
  REQUIRE_FALSE(mute);
  CHECK(mute.error().token == "unreachable");
}

}  // namespace backstage::client
