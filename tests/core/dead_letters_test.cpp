// Dead letters: what they tell, how they are bounded, counted and dropped.
#include <string>

#include "core/dead_letters.hpp"
#include "tests/core/fragile.hpp"
#include "tests/support/catch.hpp"

namespace backstage::test {
namespace {

DeadLetter letter(std::uint64_t id, DeadCause cause, std::size_t bytes = 1) {
  DeadLetter made;
  made.id = MessageId{id};
  made.cause = cause;
  made.payload = Payload(std::string(bytes, 'x'));
  return made;
}

std::vector<std::uint64_t> ids(const std::vector<LetterPtr>& letters) {
  std::vector<std::uint64_t> all;
  all.reserve(letters.size());
  for (const auto& one : letters) all.push_back(static_cast<std::uint64_t>(one->id));
  return all;
}

}  // namespace

TEST_CASE("a dead letter tells who sent what to whom, why it failed, how often and when") {
  Stage stage;
  fragile(stage, std::make_shared<bool>(true));
  stage.spawn("fragile", "vase");
  stage.advance(3s);
  const auto id = stage.send("vase", "bad news", "letter");
  REQUIRE(id);
  stage.settle();
  const auto letters = stage.engine.dead_letters();
  REQUIRE(letters.size() == 1);
  const auto& dead = letters[0];
  CHECK(dead.id == *id);
  CHECK(dead.cause == DeadCause::failed);
  CHECK(dead.kind == Kind::send);
  CHECK(dead.attempts == 1);
  CHECK(dead.sender == "test");
  CHECK(dead.target == "vase");
  CHECK(dead.type == "letter");
  CHECK(dead.reason == "it is bad");
  CHECK(dead.payload.text() == "bad news");
  CHECK(dead.at == stage.clock.now());
  CHECK(dead.address.empty());
}

TEST_CASE("the dead letter of a publish has its address and number") {
  Stage stage;
  auto script = fragile(stage, std::make_shared<bool>(true));
  script->create = [](Context& context) -> Outcome {
    (void)context.subscribe(*Pattern::parse("feed/*"));
    return Handled::done;
  };
  stage.spawn("fragile", "vase");
  REQUIRE(stage.publish("feed/x", "good"));
  REQUIRE(stage.publish("feed/x", "bad"));
  stage.settle();
  const auto letters = stage.engine.dead_letters();
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].kind == Kind::publish);
  CHECK(letters[0].address == "feed/x");
  CHECK(letters[0].seq == 2);
}

TEST_CASE("a flood of one cause takes no letter of another") {
  DeadLetters letters(3, 1000);
  letters.add(letter(1, DeadCause::parked));
  for (std::uint64_t id = 2; id <= 11; ++id) letters.add(letter(id, DeadCause::failed));
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{1, 9, 10, 11});
  const auto failed = letters.counts(DeadCause::failed);
  CHECK(failed.buried == 10);
  CHECK(failed.kept == 3);
  CHECK(failed.fell_out == 7);
  CHECK(adds_up(failed));
  CHECK(letters.counts(DeadCause::parked).kept == 1);
  CHECK(letters.size() == 4);
}

TEST_CASE("letters are bounded in bytes, texts included, but the last one is always kept") {
  DeadLetters letters(100, 1000);
  for (std::uint64_t id = 1; id <= 5; ++id) letters.add(letter(id, DeadCause::failed, 400));
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{4, 5});
  CHECK(letters.counts(DeadCause::failed).bytes == 800);
  auto wordy = letter(6, DeadCause::failed);
  wordy.reason = std::string(900, 'r');
  letters.add(std::move(wordy));
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{6});
  letters.add(letter(7, DeadCause::failed, 5000));
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{7});
  CHECK(adds_up(letters.counts(DeadCause::failed)));
}

TEST_CASE("letters are chosen by id, cause, target and sender, and dropped with a count") {
  DeadLetters letters(100, 1000);
  for (std::uint64_t id = 1; id <= 6; ++id) {
    auto made = letter(id, id % 2 == 0 ? DeadCause::failed : DeadCause::stopped);
    made.target = id <= 3 ? "a" : "b";
    made.sender = id == 6 ? "s" : "";
    letters.add(std::move(made));
  }
  CHECK(ids(letters.select({.id = MessageId{4}})) == std::vector<std::uint64_t>{4});
  CHECK(ids(letters.select({.cause = DeadCause::failed})) == std::vector<std::uint64_t>{2, 4, 6});
  CHECK(ids(letters.select({.target = "a"})) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(ids(letters.select({.sender = "s"})) == std::vector<std::uint64_t>{6});
  CHECK(letters.select({.cause = DeadCause::parked}).empty());
  CHECK(letters.drop({.cause = DeadCause::stopped, .target = "a"}) == 2);
  CHECK(letters.drop({.id = MessageId{1}}) == 0);
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{2, 4, 5, 6});
  CHECK(letters.counts(DeadCause::stopped).dropped == 2);
  CHECK(adds_up(letters.counts(DeadCause::stopped)));
  CHECK(letters.drop({}) == 4);
  CHECK(letters.size() == 0);
}

TEST_CASE("a letter that is put back stands where it was, unless there is no room any more") {
  DeadLetters letters(3, 1000);
  for (std::uint64_t id = 1; id <= 3; ++id) letters.add(letter(id, DeadCause::failed));
  const auto all = letters.select({});
  REQUIRE(letters.take(*all[1]));
  CHECK_FALSE(letters.take(*all[1]));
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{1, 3});
  letters.put_back(all[1]);
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{1, 2, 3});
  REQUIRE(letters.take(*all[0]));
  letters.add(letter(4, DeadCause::failed));
  letters.put_back(all[0]);
  CHECK(ids(letters.select({})) == std::vector<std::uint64_t>{2, 3, 4});
  CHECK(adds_up(letters.counts(DeadCause::failed)));
}

TEST_CASE("dead letters are published under their cause, and a replay publishes none") {
  Stage stage;
  const auto is_broken = std::make_shared<bool>(true);
  fragile(stage, is_broken);
  stage.spawn("fragile", "vase");
  auto watcher = std::make_shared<Script>();
  Cell& client = stage.client("watcher", watcher);
  REQUIRE(stage.engine.context_of(client).subscribe(*Pattern::parse("$dead/>")));
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  REQUIRE(watcher->got.size() == 1);
  CHECK(watcher->got[0].address == "$dead/failed");
  *is_broken = false;
  REQUIRE(stage.engine.replay({}).replayed == 1);
  stage.settle();
  CHECK(watcher->got.size() == 1);
}

// The book was written before the letter was kept: for a moment explain knew of no such message.
TEST_CASE("who is told of a dead letter finds it, and in the books") {
  Stage stage;
  fragile(stage, std::make_shared<bool>(true));
  stage.spawn("fragile", "vase");
  int told = 0;
  stage.record.on_dead_letter = [&](DeadCause cause) {
    ++told;
    CHECK(stage.engine.letter_counts(cause).buried == 1);
    CHECK(stage.engine.stats().ledger.dead_lettered == 1);
  };
  REQUIRE(stage.send("vase", "bad"));
  stage.settle();
  CHECK(told == 1);
}

TEST_CASE("an endless reason is cut") {
  Stage stage;
  stage.type("verbose", [](Context&, const Envelope&) -> Outcome {
    return std::unexpected(Failure{std::string(1'000'000, 'w')});
  });
  stage.spawn("verbose", "v");
  REQUIRE(stage.send("v", "x"));
  stage.settle();
  CHECK(stage.engine.dead_letters().at(0).reason.size() == dead_reason_bytes_max);
}

}  // namespace backstage::test
