// Every line a client may get wrong: the code, the id it names, and a text that helps.
#include <vector>

#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

using test::refusal_line;
using test::refusal_text;

struct Row {
  std::string line;
  std::string_view answer;
};

void check(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.line);
    CHECK(refusal_line(row.line) == row.answer);
    CHECK_FALSE(refusal_text(row.line).empty());
  }
}

TEST_CASE("lines that break the grammar are bad frames", "[wire]") {
  using namespace std::string_literals;
  check({{"", "ERR 0 400 bad_frame"},
         {" ", "ERR 0 400 bad_frame"},
         {"SEND  counter", "ERR 0 400 bad_frame"},
         {" SEND counter", "ERR 0 400 bad_frame"},
         {"SEND counter id=3 ", "ERR 3 400 bad_frame"},
         {"SEND coun\0ter id=3"s, "ERR 3 400 bad_frame"},
         {"SEND counter\t id=3", "ERR 3 400 bad_frame"},
         {"SEND counter id=3 x=\x7f", "ERR 3 400 bad_frame"},
         {"SEND z\xc3\xa4hler id=3", "ERR 3 400 bad_frame"},
         {"SEND counter id=3\r", "ERR 0 400 bad_frame"},
         {"SEND a\nb", "ERR 0 400 bad_frame"},
         {"SEND id=3 " + std::string(1015, 'x'), "ERR 3 400 bad_frame"}});
}

TEST_CASE("unknown verbs are refused and a wrong case is recognised", "[wire]") {
  check({{"send counter id=3", "ERR 3 400 bad_verb"},
         {"Send counter", "ERR 0 400 bad_verb"},
         {"SENDX counter", "ERR 0 400 bad_verb"},
         {"WELCOME v=1", "ERR 0 400 bad_verb"},
         {"GET,a", "ERR 0 400 bad_verb"},
         {"id=3", "ERR 3 400 bad_verb"},
         {std::string(1024, 'A'), "ERR 0 400 bad_verb"}});
  CHECK(refusal_text("send counter").find("write SEND") != std::string::npos);
  CHECK(refusal_text("PUBLISH a").find("PUB SUB UNSUB") != std::string::npos);
  CHECK(refusal_text(std::string(1024, 'A')).size() < 300);
}

TEST_CASE("missing and surplus arguments are refused with the line to write", "[wire]") {
  check({{"SEND", "ERR 0 400 bad_arg"},          {"SEND id=3", "ERR 3 400 bad_arg"},
         {"REQ id=3", "ERR 3 400 bad_arg"},      {"PUB", "ERR 0 400 bad_arg"},
         {"SUB", "ERR 0 400 bad_arg"},           {"UNSUB", "ERR 0 400 bad_arg"},
         {"GET", "ERR 0 400 bad_arg"},           {"ACK", "ERR 0 400 bad_arg"},
         {"ACK 1", "ERR 0 400 bad_arg"},         {"REP", "ERR 0 400 bad_arg"},
         {"ERR", "ERR 0 400 bad_arg"},           {"ERR 1", "ERR 0 400 bad_arg"},
         {"ERR 1 404", "ERR 0 400 bad_arg"},     {"SYNC", "ERR 0 400 bad_arg"},
         {"BATCH", "ERR 0 400 bad_arg"},         {"WATCH", "ERR 0 400 bad_arg"},
         {"UNWATCH", "ERR 0 400 bad_arg"},       {"HELLO", "ERR 0 400 bad_arg"},
         {"SEND a b id=3", "ERR 3 400 bad_arg"}, {"SEND a id=3 b", "ERR 3 400 bad_arg"},
         {"HELLO me v=1", "ERR 0 400 bad_arg"},  {"BYE now", "ERR 0 400 bad_arg"},
         {"PING a b", "ERR 0 400 bad_arg"},      {"SEND a =3", "ERR 0 400 bad_arg"},
         {"ACK 1 2 a b", "ERR 0 400 bad_arg"}});
  CHECK(refusal_text("SEND").find("write: SEND actor") != std::string::npos);
  CHECK(refusal_text("SEND a b").find("'b'") != std::string::npos);
}

TEST_CASE("addresses outside the grammar are refused with the reason", "[wire]") {
  const std::string a64(64, 'a');
  const std::string t128(128, 't');
  check({{"SEND a/b id=3", "ERR 3 400 bad_addr"},
         {"SEND " + a64 + "a", "ERR 0 400 bad_addr"},
         {"SEND *", "ERR 0 400 bad_addr"},
         {"SEND a%2", "ERR 0 400 bad_addr"},
         {"SEND a%GG", "ERR 0 400 bad_addr"},
         {"SEND a|b", "ERR 0 400 bad_addr"},
         {"REQ a/b id=3", "ERR 3 400 bad_addr"},
         {"WATCH */x", "ERR 0 400 bad_addr"},
         {"PUB /", "ERR 0 400 bad_addr"},
         {"PUB feed/", "ERR 0 400 bad_addr"},
         {"PUB feed/a..b", "ERR 0 400 bad_addr"},
         {"PUB feed/.a", "ERR 0 400 bad_addr"},
         {"PUB feed/a/b", "ERR 0 400 bad_addr"},
         {"PUB feed/*", "ERR 0 400 bad_addr"},
         {"PUB */a", "ERR 0 400 bad_addr"},
         {"PUB feed/" + t128 + "t", "ERR 0 400 bad_addr"},
         {"PUB " + a64 + "a/t", "ERR 0 400 bad_addr"},
         {"GET /own id=3", "ERR 3 400 bad_addr"},
         {"GET feed/> id=3", "ERR 3 400 bad_addr"},
         {"SUB /own", "ERR 0 400 bad_addr"},
         {"SUB fe*d/x", "ERR 0 400 bad_addr"},
         {"SUB feed/a*", "ERR 0 400 bad_addr"},
         {"SUB feed/>.a", "ERR 0 400 bad_addr"},
         {"UNSUB feed/", "ERR 0 400 bad_addr"},
         {"ACK 1 2 /own id=3", "ERR 3 400 bad_addr"},
         {"ACK 1 2 feed/*", "ERR 0 400 bad_addr"},
         {"ACK 1 2 feed/a..b", "ERR 0 400 bad_addr"},
         {"ACK 1 2 " + a64 + "a/t", "ERR 0 400 bad_addr"}});
  CHECK(refusal_text("SEND a/b").find("drop the topic") != std::string::npos);
  CHECK(refusal_text("GET feed/> id=3").find("is a pattern") != std::string::npos);
}

TEST_CASE("ids outside 1 to 2^63-1 are refused and not echoed", "[wire]") {
  for (const auto* id : {"", "0", "-1", "+1", "01", "9223372036854775808", "1e9", "x",
                         "99999999999999999999999999999999"}) {
    const std::string line = std::string("SEND a id=") + id;
    CAPTURE(line);
    CHECK(refusal_line(line) == "ERR 0 400 bad_arg");
  }
  CHECK(refusal_text("SEND a id=0").find("1 to 9223372036854775807") != std::string::npos);
}

TEST_CASE("values out of range are refused with the range", "[wire]") {
  check({{"REQ a id=3 ttl=0", "ERR 3 400 bad_arg"},
         {"REQ a id=3 ttl=86400001", "ERR 3 400 bad_arg"},
         {"REQ a id=3 ttl=1s", "ERR 3 400 bad_arg"},
         {"PUB a retain=2", "ERR 0 400 bad_arg"},
         {"PUB a retain=yes", "ERR 0 400 bad_arg"},
         {"PUB a retain=", "ERR 0 400 bad_arg"},
         {"SUB a window=0", "ERR 0 400 bad_arg"},
         {"SUB a window=65537", "ERR 0 400 bad_arg"},
         {"SUB a over=drop", "ERR 0 400 bad_arg"},
         {"SUB a over=", "ERR 0 400 bad_arg"},
         {"SUB a ack=", "ERR 0 400 bad_arg"},
         {"SUB a snap=true", "ERR 0 400 bad_arg"},
         {"ACK 1 0", "ERR 0 400 bad_arg"},
         {"ACK -1 1", "ERR 0 400 bad_arg"},
         {"ACK x 1", "ERR 0 400 bad_arg"},
         {"REP 0", "ERR 0 400 bad_arg"},
         {"ERR 0 404 x", "ERR 0 400 bad_arg"},
         {"ERR 1 399 x", "ERR 0 400 bad_arg"},
         {"ERR 1 600 x", "ERR 0 400 bad_arg"},
         {"ERR 1 99999 x", "ERR 0 400 bad_arg"},
         {"ERR 1 404 Not-Found", "ERR 0 400 bad_arg"},
         {"SYNC a|b", "ERR 0 400 bad_arg"},
         {"SYNC a/b", "ERR 0 400 bad_arg"},
         {"SYNC " + std::string(65, 't'), "ERR 0 400 bad_arg"},
         {"PING " + std::string(65, 't'), "ERR 0 400 bad_arg"},
         {"BATCH 0 id=3", "ERR 3 400 bad_batch"},
         {"BATCH 1025", "ERR 0 400 bad_batch"},
         {"BATCH -1", "ERR 0 400 bad_batch"}});
  CHECK(refusal_text("SUB a over=drop").find("oldest, newest, conflate or kick") !=
        std::string::npos);
}

TEST_CASE("options of HELLO are checked one by one", "[wire]") {
  check({{"HELLO v=", "ERR 0 400 bad_arg"},
         {"HELLO v=1,", "ERR 0 400 bad_arg"},
         {"HELLO v=,1", "ERR 0 400 bad_arg"},
         {"HELLO v=one", "ERR 0 400 bad_arg"},
         {"HELLO v=0", "ERR 0 400 bad_arg"},
         {"HELLO v=1 v=1", "ERR 0 400 bad_arg"},
         {"HELLO v=1 frames=3", "ERR 0 400 bad_arg"},
         {"HELLO v=1 verbose=2", "ERR 0 400 bad_arg"},
         {"HELLO v=1 batch=x", "ERR 0 400 bad_arg"},
         {"HELLO v=1 ttl=86401", "ERR 0 400 bad_arg"},
         {"HELLO v=1 hb=99", "ERR 0 400 bad_arg"},
         {"HELLO v=1 hb=3600001", "ERR 0 400 bad_arg"},
         {"HELLO v=1 resume=", "ERR 0 400 bad_arg"},
         {"HELLO v=1 resume=" + std::string(65, 'r'), "ERR 0 400 bad_arg"},
         {"HELLO v=1 name=", "ERR 0 400 bad_name"},
         {"HELLO v=1 name=a/b id=2", "ERR 2 400 bad_name"},
         {"HELLO v=1 name=" + std::string(65, 'n'), "ERR 0 400 bad_name"},
         {"HELLO v=1 name=$sys", "ERR 0 403 reserved_name"}});
}

TEST_CASE("a HELLO of other versions only is told which is supported", "[wire]") {
  CHECK(refusal_line("HELLO v=7 id=4") == "ERR 4 505 version supported=1");
  CHECK(refusal_line("HELLO v=2,3") == "ERR 0 505 version supported=1");
  // Its other keys may have another meaning there, so the version comes first.
  CHECK(refusal_line("HELLO v=2 frames=9 name=a/b id=5") == "ERR 5 505 version supported=1");
  CHECK(refusal_text("HELLO v=2").empty());
}

TEST_CASE("names in keys must be legal and not the daemon's", "[wire]") {
  check({{"SEND a type=", "ERR 0 400 bad_name"},
         {"SEND a type=a/b id=3", "ERR 3 400 bad_name"},
         {"SEND a type=" + std::string(65, 't'), "ERR 0 400 bad_name"},
         {"SEND a from=*", "ERR 0 400 bad_name"},
         {"SEND a from=$ingest", "ERR 0 403 reserved_name"},
         {"REP 1 type=$x", "ERR 0 403 reserved_name"}});
}

TEST_CASE("a known key given twice is refused", "[wire]") {
  check({{"SEND a id=1 id=1", "ERR 1 400 bad_arg"},
         {"SEND a id=1 id!=2", "ERR 1 400 bad_arg"},
         {"SEND a type=x type=y id=3", "ERR 3 400 bad_arg"},
         {"SUB a snap=1 snap=1", "ERR 0 400 bad_arg"}});
}

TEST_CASE("an unknown key that must be understood is unsupported", "[wire]") {
  check({{"SEND a id=3 urgent!=1", "ERR 3 501 unsupported"},
         {"SEND a retain!=1", "ERR 0 501 unsupported"},
         {"HELLO v=1 zip!=1", "ERR 0 501 unsupported"},
         {"SEND a !=1", "ERR 0 501 unsupported"},
         {"SEND a urgentlyneeded!=", "ERR 0 501 unsupported"}});
  CHECK(refusal_text("SEND a urgent!=1").find("'urgent'") != std::string::npos);
}

TEST_CASE("texts hold printable characters of the line only and stay short", "[wire]") {
  for (const std::string& line :
       {"SEND " + std::string(1000, '*'), "SEND a id=" + std::string(1000, '9'),
        "SUB " + std::string(1000, '>'), "SEND a " + std::string(1000, 'x')}) {
    const auto text = refusal_text(line);
    CAPTURE(text);
    CHECK(text.size() < 400);
    for (const char c : text) CHECK((c >= ' ' && c <= '~'));
  }
}

}  // namespace
}  // namespace backstage::wire
