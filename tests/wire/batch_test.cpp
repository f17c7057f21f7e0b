// BATCH: its entries are checked as a whole, read without a copy, and written as they are read.
#include "daemon/wire/batch.hpp"

#include <vector>

#include "tests/wire/wire_support.hpp"

namespace backstage::wire {
namespace {

using namespace std::string_view_literals;
using Texts = std::vector<std::string>;

std::string packed(const Texts& messages) {
  std::string out;
  for (const auto& message : messages) append_batch_entry(out, message, nullptr);
  return out;
}

std::string refused(std::string_view payload, std::uint32_t count) {
  const auto reader = BatchReader::open(payload, count);
  if (reader) return "accepted";
  CHECK(test::encoded(reader.error()) == "ERR 0 400 bad_batch");
  return reader.error().text;
}

Texts read_all(std::string_view payload, std::uint32_t count) {
  auto reader = BatchReader::open(payload, count);
  if (!reader) return {"refused: " + reader.error().text};
  Texts all;
  while (const auto message = reader->next()) all.emplace_back(*message);
  CHECK(reader->empty());
  return all;
}

TEST_CASE("the entries of a batch are read in order, as views of its payload", "[wire]") {
  const std::string binary("SEND b\n\0\n"sv);
  const std::string payload = packed({"SEND a id=1\n5", "PING", "", binary});
  CHECK(read_all(payload, 4) == Texts{"SEND a id=1\n5", "PING", "", binary});
  auto reader = BatchReader::open(payload, 4);
  REQUIRE(reader.has_value());
  CHECK(reader->next()->data() == payload.data() + batch_length_bytes);
}

TEST_CASE("a length is four bytes, little end first", "[wire]") {
  CHECK(packed({"PING"}) == "\4\0\0\0PING"sv);
  std::string out;
  const auto payload = "xy"sv;
  append_batch_entry(out, "MSG 1 a/b 1 c", &payload);
  CHECK(out == "\x10\0\0\0MSG 1 a/b 1 c\nxy"sv);
  CHECK(out.size() == batch_entry_bytes("MSG 1 a/b 1 c", &payload));
  const auto nothing = ""sv;
  append_batch_entry(out = "", "MSG", &nothing);
  CHECK(out == "\4\0\0\0MSG\n"sv);
  const std::string large(0x01'02'03, 'x');
  CHECK(packed({large}).substr(0, 4) == "\3\2\1\0"sv);
  CHECK(read_all(packed({large, "PING"}), 2) == Texts{large, "PING"});
}

TEST_CASE("entries add just their own bytes, however often the memory for them grows", "[wire]") {
  std::string out;
  Texts messages;
  std::size_t bytes = 0;
  const std::string text(64, 'x');
  const std::string_view payload = text;
  for (std::uint32_t count = 1; count <= 200; ++count) {
    CAPTURE(count);
    append_batch_entry(out, "REP 7", &payload);
    bytes += batch_entry_bytes("REP 7", &payload);
    REQUIRE(out.size() == bytes);
    messages.push_back("REP 7\n" + text);
  }
  CHECK(read_all(out, 200) == messages);
}

TEST_CASE("a batch that does not add up is refused as a whole, and says where", "[wire]") {
  const std::string two = packed({"PING", "PING"});
  CHECK(refused(two, 3).starts_with("entry 3 of 3 is missing: 0 bytes are left for it"));
  CHECK(refused(two, 1).starts_with("8 bytes follow the last of 1 entries"));
  CHECK(refused({}, 1).starts_with("entry 1 of 1 is missing"));
  for (std::size_t size = 1; size < two.size(); ++size) {
    CAPTURE(size);
    CHECK(refused(std::string_view(two).substr(0, size), 2).starts_with("entry "));
  }
  CHECK(refused(std::string_view(two).substr(0, 7), 2)
            .starts_with("entry 1 of 2 says that it has 4 bytes, and 3 are left"));
  CHECK(refused(std::string_view(two).substr(0, 10), 2)
            .starts_with("entry 2 of 2 is missing: 2 bytes are left for it"));
  CHECK(refused("\xff\xff\xff\xffPING"sv, 1)
            .starts_with("entry 1 of 1 says that it has 4294967295 bytes, and 4 are left"));
  CHECK(refused(two, 1).ends_with("nothing of the batch ran"));
}

TEST_CASE("a batch in a batch is refused, and what only looks like one is not", "[wire]") {
  const std::string inner = packed({"PING"});
  for (const std::string& nested : {"BATCH 1\n" + inner, std::string("BATCH"),
                                    std::string("BATCH\n"), "BATCH 1 id=4\n" + inner}) {
    CAPTURE(nested);
    CHECK(refused(packed({"PING", nested}), 2).starts_with("entry 2 of 2 is a BATCH"));
  }
  CHECK(read_all(packed({"BATCHES 1", "batch 1", "SEND a\nBATCH 1"}), 3).size() == 3);
}

TEST_CASE("1024 entries are read, and the count of BATCH allows no more", "[wire]") {
  const Texts many(batch_entries_max, "PING");
  CHECK(read_all(packed(many), batch_entries_max) == many);
  CHECK(decode("BATCH 1024").has_value());
  CHECK(test::refusal_line("BATCH 1025 id=3") == "ERR 3 400 bad_batch");
  CHECK(test::refusal_line("BATCH 0 id=3") == "ERR 3 400 bad_batch");
  CHECK(test::refusal_line("BATCH id=3") == "ERR 3 400 bad_arg");
}

TEST_CASE("a reader without a batch has no entries", "[wire]") {
  BatchReader none;
  CHECK(none.empty());
  CHECK_FALSE(none.next().has_value());
}

TEST_CASE("the daemon's BATCH is read with its count", "[wire]") {
  const auto answer = read_answer("BATCH 7");
  REQUIRE(answer.has_value());
  CHECK(*answer == Answer(Packed{7}));
  CHECK(has_payload(*answer));
  CHECK(test::encoded(*answer) == "BATCH 7");
  for (const std::string line : {"BATCH", "BATCH 0", "BATCH 1025", "BATCH x"}) {
    CAPTURE(line);
    CHECK_FALSE(read_answer(line).has_value());
  }
}

}  // namespace
}  // namespace backstage::wire
