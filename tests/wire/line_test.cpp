// The grammar of a control line: which bytes, how words split, what a number is.
#include "daemon/wire/line.hpp"

#include "tests/support/catch.hpp"

namespace backstage::wire {
namespace {

TEST_CASE("a line takes exactly the printable characters at every offset", "[wire]") {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string line(length, 'x');
        line[at] = static_cast<char>(byte);
        // A space at either end breaks the rule for words, not the rule for bytes.
        const bool is_edge = at == 0 || at + 1 == length;
        const bool is_legal = byte > 0x20 || (byte == 0x20 && !is_edge);
        if (line_fault(line).empty() != (is_legal && byte <= 0x7e)) {
          FAIL("byte " << byte << " at " << at << " of " << length);
        }
      }
    }
  }
  SUCCEED();
}

TEST_CASE("a line of 1024 bytes is taken and one of 1025 is refused", "[wire]") {
  CHECK(line_fault(std::string(control_bytes_max, 'x')).empty());
  CHECK_FALSE(line_fault(std::string(control_bytes_max + 1, 'x')).empty());
  CHECK_FALSE(line_fault("").empty());
}

TEST_CASE("words are split by one space and by nothing else", "[wire]") {
  CHECK(line_fault("SEND counter id=1").empty());
  for (const auto* line : {" SEND a", "SEND a ", "SEND  a", "SEND a  id=1", "SEND\ta", " "}) {
    CAPTURE(line);
    CHECK_FALSE(line_fault(line).empty());
  }
}

TEST_CASE("a line that ends in CR LF is told so", "[wire]") {
  CHECK(line_fault("SEND counter\r").find("CR LF") != std::string_view::npos);
}

TEST_CASE("words come one by one and arguments end at the first key", "[wire]") {
  Words words("SEND counter id=1 tail");
  CHECK(words.next_argument() == "SEND");
  CHECK(words.next_argument() == "counter");
  CHECK(words.next_argument().empty());
  CHECK(words.next().text == "id=1");
  CHECK_FALSE(words.empty());
  CHECK(words.next().text == "tail");
  CHECK(words.empty());
  CHECK(words.next().text.empty());
  CHECK(words.next_argument().empty());
}

TEST_CASE("a key ends at the first equals sign", "[wire]") {
  Words words("id=7 k=a=b k= =v word");
  const Word plain = words.next();
  CHECK(plain.is_pair());
  CHECK(plain.key() == "id");
  CHECK(plain.value() == "7");
  const Word twice = words.next();
  CHECK(twice.key() == "k");
  CHECK(twice.value() == "a=b");
  const Word no_value = words.next();
  CHECK(no_value.is_pair());
  CHECK(no_value.value().empty());
  const Word no_key = words.next();
  CHECK(no_key.has_equals());
  CHECK_FALSE(no_key.is_pair());
  const Word argument = words.next();
  CHECK_FALSE(argument.has_equals());
  CHECK_FALSE(argument.is_pair());
}

TEST_CASE("two spaces are found wherever they stand", "[wire]") {
  for (std::size_t length = 3; length <= 40; ++length) {
    CHECK(line_fault(std::string(length, 'x')).empty());
    for (std::size_t at = 1; at + 2 < length; ++at) {
      std::string line(length, 'x');
      line[at] = ' ';
      if (!line_fault(line).empty()) FAIL("one space at " << at << " of " << length);
      line[at + 1] = ' ';
      if (line_fault(line).empty()) FAIL("two spaces at " << at << " of " << length);
    }
  }
}

TEST_CASE("ids are 1 to 2^63-1 in plain decimal", "[wire]") {
  CHECK(parse_id("1") == 1U);
  CHECK(parse_id("9223372036854775807") == id_max);
  for (const auto* word :
       {"", "0", "00", "01", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1 ", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "99999999999999999999999", "one"}) {
    CAPTURE(word);
    CHECK_FALSE(parse_id(word).has_value());
  }
}

TEST_CASE("the id of a broken line is found wherever it stands", "[wire]") {
  CHECK(find_id("SEND bad/name id=7") == 7);
  CHECK(find_id("SEND  x id=8") == 8);
  CHECK(find_id("id=9") == 9);
  CHECK(find_id("SEND x id=zero id=4") == 4);
  CHECK(find_id(std::string_view("SEND \0 id=5", 11)) == 5);
  CHECK(find_id("SEND x rid=6") == 0);
  CHECK(find_id("SEND x id=0") == 0);
  CHECK(find_id("") == 0);
  CHECK(find_id(std::string(2000, ' ') + "id=7") == 0);
}

TEST_CASE("error tokens are lower case words of at most 64 bytes", "[wire]") {
  CHECK(is_error_token("no_stock"));
  CHECK(is_error_token("e2"));
  CHECK(is_error_token(std::string(64, 'a')));
  CHECK_FALSE(is_error_token(std::string(65, 'a')));
  CHECK_FALSE(is_error_token(""));
  CHECK_FALSE(is_error_token("No"));
  CHECK_FALSE(is_error_token("a-b"));
}

TEST_CASE("verbs and choices are found by their exact text only", "[wire]") {
  for (std::size_t i = 0; i < verb_count; ++i) {
    const auto verb = static_cast<Verb>(i);
    CHECK(find_verb(text(verb)) == verb);
    CHECK(usage(verb).starts_with(text(verb)));
  }
  using namespace std::string_view_literals;
  for (const auto word :
       {""sv, "send"sv, "SENDX"sv, "SEN"sv, "\0SEND"sv, "UNWATCHX"sv, "WELCOME"sv}) {
    CHECK_FALSE(find_verb(word).has_value());
  }
  for (const auto over : {Over::oldest, Over::newest, Over::conflate, Over::kick}) {
    CHECK(find_over(text(over)) == over);
  }
  for (const auto reason :
       {GapReason::slow, GapReason::resume, GapReason::shed, GapReason::conflate}) {
    CHECK(find_gap_reason(text(reason)) == reason);
  }
  CHECK_FALSE(find_over("").has_value());
  CHECK_FALSE(find_over("OLDEST").has_value());
  CHECK_FALSE(find_gap_reason("fast").has_value());
}

}  // namespace
}  // namespace backstage::wire
