// The C++ client without a daemon: its lines, its loss accounts, and what it does with its calls.
#include <fstream>
#include <thread>

#include "clients/cpp/backstage/client.hpp"
#include "tests/daemon/temp_dir.hpp"
#include "tests/support/catch.hpp"

namespace backstage::client {
using daemon::TempDir;
using namespace std::chrono_literals;

namespace {

// One subscription, and all that its handlers are told.
struct Listener {
  detail::deliveries deliveries;
  detail::subscription_ptr sub;
  std::vector<std::string> told;

  explicit Listener(const std::string& pattern = "feed/x", subscribe_options with = {},
                    std::size_t kept_max = 1'000)
      : deliveries(kept_max,
                   [this](const mail& it, const char* token, std::string_view) {
                     told.push_back("refused " + it.sender + token);
                   }),
        sub(deliveries.at(pattern)) {
    sub->with = std::move(with);
    sub->told = std::make_shared<const detail::subscription::handlers>(
        [this](const client::message& it) {
          told.push_back(it.address + ' ' + std::to_string(it.seq));
        },
        [this](const client::gap& it) {
          told.push_back("gap " + it.address + ' ' + std::to_string(it.first) + ' ' +
                         std::to_string(it.last) + ' ' + it.reason);
        });
  }
  void confirm(std::string_view line) { deliveries.confirm(sub, words(line)); }
  void message(std::string_view line) { deliveries.take_message(words(line), "payload"); }
  void gap_line(std::string_view line) { deliveries.take_gap(words(line)); }
  std::vector<std::string> tell() {
    deliveries.run();
    return std::exchange(told, {});
  }
};
using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("a line of the protocol is read word by word, whatever it lacks", "[client]") {
  const words line("REP 17 type=total a=b=c");
  CHECK(line.at(0) == "REP");
  CHECK(line.number(1) == 17);
  CHECK(line.key("type") == "total");
  CHECK(line.key("a") == "b=c");
  CHECK(line.key("b").empty());
  CHECK(line.key("typ").empty());
  CHECK(line.at(9).empty());
  CHECK(line.number(0) == 0);
  CHECK(line.last() == "a=b=c");
  CHECK(words("").at(0).empty());
  std::string endless = "OK 1";
  for (int i = 0; i < 100; ++i) endless += " later=1";
  CHECK(words(endless).number(1) == 1);
}

TEST_CASE("a batch is unpacked as it was packed, or not at all", "[client]") {
  std::string packed;
  const std::string bytes("\n\0x", 3);
  pack(packed, {"SEND counter id=1", "5"});
  pack(packed, {"PUB a/b", bytes});
  const auto entries = unpack(packed, 2);
  REQUIRE(entries);
  CHECK(entries->at(0).line == "SEND counter id=1");
  CHECK(entries->at(1).payload == bytes);
  CHECK_FALSE(unpack(packed, 1));
  CHECK_FALSE(unpack(packed, 3));
  for (std::size_t cut = 1; cut < packed.size(); ++cut) {
    CHECK_FALSE(unpack(std::string_view(packed).substr(0, cut), 2));
  }
  CHECK(unpack("", 0));
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
  const auto full = error_of(words("ERR 3 429 mailbox_full retry=50"), {}, "SEND counter");
  CHECK(full.text == "SEND counter: 429 mailbox_full");
  CHECK(full.retry == 50ms);
  CHECK(full.is_retryable());
  const auto wrong = error_of(words("ERR 3 400 bad_arg"), "it adds integers", "REQ counter");
  CHECK(wrong.text == "REQ counter: 400 bad_arg: it adds integers");
  CHECK_FALSE(wrong.is_retryable());
  // Tokens of a later version are judged by their number.
  for (const int number : {400, 418, 429, 500, 503, 504, 599}) {
    CHECK_FALSE(advice(number, "of_a_later_version").empty());
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
  CHECK(plain("ipc:///a%20b%2") == "ipc:///a b%2");
}

TEST_CASE("a client tells a wrong endpoint from one where nobody listens", "[client]") {
  const TempDir dir;
  CHECK(connection::open("tcp://nonsense:x:y").error().token == "bad_endpoint");
  CHECK(connection::open(dir.path("nowhere")).error().token == "bad_endpoint");
  CHECK(
      connection::open("tcp://127.0.0.1:1", {.curve = {"short", "short", "short"}}).error().token ==
      "bad_endpoint");
  const auto nobody = connection::open("ipc://" + dir.path("none.sock"), {.connect_timeout = 50ms});
  REQUIRE_FALSE(nobody.ok());
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
  const auto mute = connection::open(endpoint, {.connect_timeout = 200ms});
  REQUIRE_FALSE(mute.ok());
  CHECK(mute.error().token == "unreachable");
}

TEST_CASE("what a lost connection took is told once, and only what had not come", "[client]") {
  Listener it;
  it.confirm("OK 1 sub=7 seq=10");
  it.message("MSG 7 feed/x 11 feed");
  it.gap_line("GAP 7 feed/x 12 14 slow");
  it.message("MSG 7 feed/x 15 feed");
  CHECK(it.tell() == Told{"feed/x 11", "gap feed/x 12 14 slow", "feed/x 15"});
  it.gap_line("GAP 7 feed/x 0 15 resume");
  CHECK(it.tell().empty());
  it.gap_line("GAP 7 feed/x 0 20 resume");
  CHECK(it.tell() == Told{"gap feed/x 16 20 resume"});
  it.message("MSG 9 feed/x 21 feed");
  CHECK(it.tell().empty());
}

TEST_CASE("a new session of the same epoch knows what was published meanwhile", "[client]") {
  Listener exact, wild("feed/>");
  exact.confirm("OK 1 sub=1 seq=10");
  exact.deliveries.renew(true);
  exact.confirm("OK 2 sub=1 seq=13");
  CHECK(exact.tell() == Told{"gap feed/x 11 13 reconnect"});
  wild.confirm("OK 1 sub=1");
  wild.message("MSG 1 feed/a 4 feed");
  wild.message("MSG 1 feed/b 9 feed");
  wild.deliveries.renew(true);
  wild.confirm("OK 2 sub=3");
  wild.message("MSG 3 feed/a 5 feed");
  wild.message("MSG 3 feed/b 12 feed");
  CHECK(wild.tell() ==
        Told{"feed/a 4", "feed/b 9", "feed/a 5", "gap feed/b 10 11 reconnect", "feed/b 12"});
  // In another epoch sequences begin again.
  exact.deliveries.renew(false);
  exact.confirm("OK 3 sub=1 seq=2");
  CHECK(exact.tell().empty());
}

TEST_CASE("a delivery is acknowledged after its handler, and never to another session",
          "[client]") {
  Listener it("feed/x", {.window = 5});
  it.confirm("OK 1 sub=7 seq=0");
  it.message("MSG 7 feed/x 1 feed");
  it.message("MSG 7 feed/x 2 feed");
  CHECK(it.deliveries.take_acks().empty());
  it.tell();
  CHECK(it.deliveries.take_acks() == Told{"ACK 7 2"});
  CHECK(it.deliveries.take_acks().empty());
  it.message("MSG 7 feed/x 3 feed");
  it.deliveries.renew(true);
  it.confirm("OK 2 sub=7 seq=3");
  CHECK(it.tell() == Told{"feed/x 3"});
  CHECK(it.deliveries.take_acks().empty());
}

TEST_CASE("what a handler cannot keep up with is lost with notice, but never what is acked",
          "[client]") {
  Listener plain_one("feed/x", {}, 2), acked("feed/x", {.is_acked = true}, 2);
  for (auto* it : {&plain_one, &acked}) {
    it->confirm("OK 1 sub=1 seq=0");
    for (const char* const line : {"MSG 1 feed/x 1 f", "MSG 1 feed/x 2 f", "MSG 1 feed/x 3 f"}) {
      it->message(line);
    }
  }
  CHECK(plain_one.tell() == Told{"feed/x 1", "feed/x 2", "gap feed/x 3 3 slow"});
  CHECK(acked.tell() == Told{"feed/x 1", "feed/x 2", "feed/x 3"});
}

TEST_CASE("no handler is called once its subscription has ended, or inside another", "[client]") {
  Listener it;
  it.confirm("OK 1 sub=1 seq=0");
  it.message("MSG 1 feed/x 1 f");
  it.deliveries.forget("feed/x");
  CHECK(it.tell().empty());
  int depth = 0, deepest = 0;
  const auto nested = [&] {
    deepest = std::max(deepest, ++depth);
    it.deliveries.run();
    --depth;
  };
  it.deliveries.keep(nested);
  it.deliveries.keep(nested);
  CHECK(it.deliveries.run() == 2);
  CHECK(deepest == 1);
  it.deliveries.keep([] { throw std::runtime_error("a handler's own"); });
  CHECK_THROWS(it.deliveries.run());
  it.deliveries.keep(nested);
  CHECK(it.deliveries.run() == 1);
}

TEST_CASE("mail waits for a handler, and a handler that throws answers 500", "[client]") {
  Listener it("feed/x", {}, 2);
  const auto take = [&it](const std::string& line) {
    it.deliveries.take_mail(words("MSG 0 desk 0 " + line), "body");
  };
  take("ann");
  take("bob rid=7");
  take("cyd rid=8");
  take("dan");
  CHECK(it.tell() == Told{"refused cyd 429 mailbox_full", "refused dan 429 mailbox_full"});
  it.deliveries.serve([&it](const mail& one) {
    if (one.sender == "bob") throw std::runtime_error("no");
    it.told.push_back(one.sender + " says " + one.payload);
  });
  CHECK(it.tell() == Told{"ann says body", "refused bob 500 actor_failed"});
  take("eve");
  CHECK(it.tell() == Told{"eve says body"});
}

TEST_CASE("a new session gives up what may have been done, and repeats the rest", "[client]") {
  detail::calls calls(true);
  std::map<std::string, std::string> ended;
  const auto add = [&](const std::string& verb, bool is_sent) {
    const auto id = calls.next_id();
    const auto line = verb + " x id=" + std::to_string(id);
    calls.add(id, {line, {}, {}, {}, {}, [&ended, line](const outcome<detail::answer>& got) {
                     ended[line] = got.ok() ? "ok" : got.error().token;
                   }});
    calls.all().at(id).is_sent = is_sent;
    return id;
  };
  add("SEND", true);
  add("PUB", true);
  add("REQ", true);
  const auto get = add("GET", true);
  const auto unsent = add("SEND", false);
  calls.give_up("it broke");
  CHECK(ended == std::map<std::string, std::string>{
                     {"SEND x id=1", "lost"}, {"PUB x id=2", "lost"}, {"REQ x id=3", "lost"}});
  calls.repeat();
  CHECK_FALSE(calls.all().at(unsent).is_sent);
  // Ids only rise: what may be done twice is another command.
  CHECK_FALSE(calls.all().contains(get));
  CHECK(calls.all().at(6).line == "GET x id=6");
  calls.settle(6, detail::answer{"VAL 6", {}});
  calls.settle(6, detail::answer{"VAL 6", {}});
  CHECK(ended.at("GET x id=4") == "ok");
  calls.settle_all({0, "closed", {}, {}});
  CHECK(ended.at("SEND x id=5") == "closed");
  CHECK(calls.empty());
}

}  // namespace backstage::client
