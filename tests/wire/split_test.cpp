// Frames of a message: where the control line ends and where the payload lies.
#include <array>
#include <vector>

#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

using namespace std::string_view_literals;
using Frames = std::vector<std::string_view>;

std::string refused(const Frames& frames) {
  const auto message = split(frames);
  if (message) return "accepted";
  CHECK_FALSE(message.error().text.empty());
  return test::encoded(message.error());
}

TEST_CASE("one frame is split at its first LF and two frames are not split", "[wire]") {
  struct Row {
    Frames frames;
    std::string_view control;
    std::string_view payload;
    std::size_t frame;
    std::size_t offset;
  };
  const std::vector<Row> rows{
      {{"SEND c\n5"sv}, "SEND c", "5", 0, 7},
      {{"SEND c", "5"}, "SEND c", "5", 1, 0},
      {{"SEND c"}, "SEND c", "", 0, 6},
      {{"SEND c\n"}, "SEND c", "", 0, 7},
      {{"SEND c", ""}, "SEND c", "", 1, 0},
      {{"SEND c\na\nb\n"}, "SEND c", "a\nb\n", 0, 7},
      {{"SEND c\n\n"}, "SEND c", "\n", 0, 7},
      {{"SEND c\n\0\xff"sv}, "SEND c", "\0\xff"sv, 0, 7},
      {{"SEND c", "\n\0"sv}, "SEND c", "\n\0"sv, 1, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.control, row.payload);
    const auto message = split(row.frames);
    REQUIRE(message.has_value());
    CHECK(message->control == row.control);
    CHECK(message->payload == row.payload);
    CHECK(message->payload_frame == row.frame);
    CHECK(message->payload_offset == row.offset);
    // The promise that lets a transport adopt the frame.
    CHECK(row.frames[message->payload_frame].substr(message->payload_offset) == row.payload);
    if (!row.payload.empty()) {
      CHECK(message->payload.data() ==
            row.frames[message->payload_frame].data() + message->payload_offset);
    }
  }
}

TEST_CASE("both forms of a message decode to the same command", "[wire]") {
  const Frames one{"SEND counter id=2 type=add\n5\n6"};
  const Frames two{"SEND counter id=2 type=add", "5\n6"};
  const auto a = split(one);
  const auto b = split(two);
  REQUIRE((a && b));
  CHECK(a->payload == b->payload);
  CHECK(*decode(a->control) == *decode(b->control));
}

TEST_CASE("a message without a control line is a bad frame", "[wire]") {
  CHECK(refused({}) == "ERR 0 400 bad_frame");
  CHECK(refused({""}) == "ERR 0 400 bad_frame");
  CHECK(refused({"\npayload"}) == "ERR 0 400 bad_frame");
  CHECK(refused({"", "payload"}) == "ERR 0 400 bad_frame");
}

TEST_CASE("a third frame is a bad frame and the refusal names the id", "[wire]") {
  CHECK(refused({"SEND c id=3", "5", "6"}) == "ERR 3 400 bad_frame");
  CHECK(refused({"SEND c id=3\n5", "6", ""}) == "ERR 3 400 bad_frame");
  CHECK(refused(Frames(100, "SEND c id=3")) == "ERR 3 400 bad_frame");
}

TEST_CASE("an LF in the control line of two frames is a bad frame", "[wire]") {
  CHECK(refused({"SEND c id=4\n5", "6"}) == "ERR 4 400 bad_frame");
  CHECK(refused({"SEND c id=4\n", "6"}) == "ERR 4 400 bad_frame");
}

TEST_CASE("a control line of 1024 bytes splits and a longer one is refused by either half",
          "[wire]") {
  const std::string line = "SEND c id=1 " + std::string(control_bytes_max - 14, 'k') + "=1";
  REQUIRE(line.size() == control_bytes_max);
  const std::string with_payload = line + "\n5";
  const auto exact = split(std::array{std::string_view(with_payload)});
  REQUIRE(exact.has_value());
  CHECK(exact->payload == "5");
  CHECK(decode(exact->control).has_value());

  const std::string longer = line + "2\n5";
  const auto over = split(std::array{std::string_view(longer)});
  REQUIRE(over.has_value());
  CHECK(test::refusal_line(over->control) == "ERR 1 400 bad_frame");

  const std::string no_line_feed(100'000, 'x');
  const auto huge = split(std::array{std::string_view(no_line_feed)});
  REQUIRE(huge.has_value());
  CHECK(test::refusal_line(huge->control) == "ERR 0 400 bad_frame");
}

}  // namespace
}  // namespace backstage::wire
