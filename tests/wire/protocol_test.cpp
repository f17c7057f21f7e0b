// PROTOCOL.md is the golden file: its examples are decoded and written again byte for byte, its
// refusals provoked, its error table compared with the code.
#include <fstream>
#include <set>
#include <sstream>
#include <vector>

#include "daemon/wire/line.hpp"
#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

struct Example {
  std::string block;  // What follows ```wire: empty, "short" or "refused".
  char side = ' ';    // C S P I, or = for what a short form means.
  std::string control;
  std::string payload;
  std::size_t line = 0;
};

std::vector<std::string> page_lines() {
  std::ifstream file(BACKSTAGE_PROTOCOL_MD);
  REQUIRE(file.good());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  REQUIRE(lines.size() > 100);
  return lines;
}

std::vector<Example> examples() {
  static const std::string fence = "```wire";
  static const std::string line_feed_sign = "␊";
  std::vector<Example> found;
  std::string block;
  bool inside = false;
  std::size_t number = 0;
  for (const std::string& line : page_lines()) {
    ++number;
    if (line.starts_with("```")) {
      inside = !inside && line.starts_with(fence);
      block = line.substr(std::min(line.size(), fence.size()));
      if (block.starts_with(' ')) block.erase(0, 1);
      continue;
    }
    if (!inside) continue;
    INFO("PROTOCOL.md:" << number << ": " << line);
    REQUIRE(line.size() > 3);
    REQUIRE(line.substr(1, 2) == ": ");
    const auto cut = line.find(line_feed_sign);
    Example example{block, line[0], line.substr(3, cut - 3), {}, number};
    if (cut != std::string::npos) {
      example.control = line.substr(3, cut - 3);
      example.payload = line.substr(cut + line_feed_sign.size());
    }
    found.push_back(example);
  }
  REQUIRE(found.size() > 80);
  return found;
}

std::string where(const Example& example) {
  return "PROTOCOL.md:" + std::to_string(example.line) + ": " + example.control;
}

// Both framings of an example give its control line and payload back.
void check_framing(const Example& example) {
  const std::string one = example.control + "\n" + example.payload;
  const std::vector<std::string_view> one_frame{one};
  const std::vector<std::string_view> two_frames{example.control, example.payload};
  for (const auto& frames : {one_frame, two_frames}) {
    const auto message = split(frames);
    REQUIRE(message.has_value());
    CHECK(message->control == example.control);
    CHECK(message->payload == example.payload);
  }
}

TEST_CASE("every command in PROTOCOL.md decodes and composes to the same line", "[wire]") {
  std::set<Verb> seen;
  for (const Example& example : examples()) {
    const bool is_command = example.side == 'C' || example.side == 'I';
    if (!is_command || example.block == "short" || example.block == "refused") continue;
    INFO(where(example));
    check_framing(example);
    const auto decoded = decode(example.control);
    INFO((decoded ? "" : decoded.error().text));
    REQUIRE(decoded.has_value());
    CHECK(test::composed(*decoded) == example.control);
    if (example.side == 'I') {
      const Verb verb = verb_of(*decoded);
      CHECK((verb == Verb::send || verb == Verb::pub || verb == Verb::batch));
    }
    seen.insert(verb_of(*decoded));
  }
  for (std::size_t i = 0; i < verb_count; ++i) {
    INFO("no example of " << text(static_cast<Verb>(i)));
    CHECK(seen.contains(static_cast<Verb>(i)));
  }
}

TEST_CASE("every answer in PROTOCOL.md is read and encoded to the same line", "[wire]") {
  std::set<std::size_t> seen;
  for (const Example& example : examples()) {
    if (example.side != 'S' || example.block == "refused") continue;
    INFO(where(example));
    const auto read = read_answer(example.control);
    INFO((read ? "" : read.error()));
    REQUIRE(read.has_value());
    CHECK(test::encoded(*read) == example.control);
    CHECK(has_payload(*read) == !example.payload.empty());
    seen.insert(read->index());
  }
  CHECK(seen.size() == std::variant_size_v<Answer>);
}

TEST_CASE("every header of pub in PROTOCOL.md is read and encoded to the same frame", "[wire]") {
  std::size_t seen = 0;
  for (const Example& example : examples()) {
    if (example.side != 'P') continue;
    INFO(where(example));
    const auto read = read_pub_header(example.control);
    REQUIRE(read.has_value());
    CHECK(test::encoded(*read) == example.control);
    ++seen;
  }
  CHECK(seen >= 3);
}

TEST_CASE("every short form in PROTOCOL.md means the line beside it", "[wire]") {
  std::string meant;
  std::size_t seen = 0;
  for (const Example& example : examples()) {
    if (example.block != "short") continue;
    INFO(where(example));
    if (example.side == 'C') {
      const auto decoded = decode(example.control);
      REQUIRE(decoded.has_value());
      meant = test::composed(*decoded);
      CHECK(meant != example.control);
    } else {
      REQUIRE(example.side == '=');
      CHECK(meant == example.control);
      ++seen;
    }
  }
  CHECK(seen >= 4);
}

TEST_CASE("every refusal in PROTOCOL.md is what that line is answered with", "[wire]") {
  std::string answer;
  std::size_t seen = 0;
  for (const Example& example : examples()) {
    if (example.block != "refused") continue;
    INFO(where(example));
    if (example.side == 'C') {
      answer = test::refusal_line(example.control);
    } else {
      REQUIRE(example.side == 'S');
      CHECK(answer == example.control);
      ++seen;
    }
  }
  CHECK(seen >= 10);
}

TEST_CASE("the error table of PROTOCOL.md is the error table of the code", "[wire]") {
  std::set<std::string> written;
  for (const std::string& line : page_lines()) {
    // | 404 | `no_actor` | meaning | what to do |
    if (!line.starts_with("| ") || line.size() < 10 || line.substr(5, 4) != " | `") continue;
    const auto token = line.substr(9, line.find('`', 9) - 9);
    INFO(line);
    CHECK(std::count(line.begin(), line.end(), '|') == 5);
    CHECK(written.insert(line.substr(2, 3) + " " + token).second);
  }
  std::set<std::string> coded;
  const auto add = [&coded](Status it) {
    coded.insert(std::to_string(it.number) + " " + std::string(it.token));
  };
  for (std::size_t i = 0; i < errc_count; ++i) add(status(static_cast<Errc>(i)));
  for (std::size_t i = 0; i < wire_errc_count; ++i) add(status(static_cast<WireErrc>(i)));
  CHECK(written == coded);
}

TEST_CASE("the limits that PROTOCOL.md names are those of the code", "[wire]") {
  std::ostringstream page;
  for (const auto& line : page_lines()) page << line << '\n';
  for (const std::string& words :
       {"at most " + std::to_string(control_bytes_max) + " bytes", "1 .. " + std::to_string(id_max),
        "at most " + std::to_string(token_bytes_max) + " bytes",
        "1 to " + std::to_string(batch_entries_max)}) {
    INFO(words);
    CHECK(page.str().find(words) != std::string::npos);
  }
}

}  // namespace
}  // namespace backstage::wire
