// The order in which a home's cells run.
#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

#include "core/run_queue.hpp"
#include "core/runtime.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;

namespace {

// Cells that are nothing but places in a queue.
class Places {
 public:
  explicit Places(std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i) cells_.emplace_back(runtime_, i);
  }
  Cell& operator[](std::uint32_t number) { return cells_.at(number); }

 private:
  test::ManualClock clock_;
  test::ManualExecutor executor_;
  test::ManualAlarm alarm_;
  NoFaults faults_;
  test::Record record_;
  Runtime runtime_{World{clock_, executor_, alarm_, faults_, record_}, Limits{}};
  std::deque<Cell> cells_;
};

std::vector<std::uint32_t> all_of(RunQueue& queue) {
  std::vector<std::uint32_t> order;
  for (Cell* cell = queue.pop(); cell != nullptr; cell = queue.pop()) {
    order.push_back(cell->id().slot);
  }
  return order;
}

using Numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("those that wait run in the order they came") {
  Places cells(3);
  RunQueue queue;
  for (const std::uint32_t i : {2U, 0U, 1U}) queue.push(cells[i]);
  CHECK(queue.pushed() - queue.popped() == 3);
  CHECK(all_of(queue) == Numbers{2, 0, 1});
  CHECK(queue.empty());
  CHECK(queue.pushed() == queue.popped());
}

TEST_CASE("the one woken last runs next, and who was to be next runs behind the others") {
  Places cells(4);
  RunQueue queue;
  queue.push(cells[0]);
  queue.push_hot(cells[1]);
  queue.push(cells[2]);
  queue.push_hot(cells[3]);
  CHECK(all_of(queue) == Numbers{3, 0, 2, 1});
}

TEST_CASE("two that wake each other for ever leave every 65th turn to those that wait") {
  Places cells(3);
  RunQueue queue;
  queue.push(cells[2]);
  std::uint32_t turns = 0;
  queue.push_hot(cells[0]);
  for (Cell* cell = queue.pop(); cell != &cells[2]; cell = queue.pop()) {
    REQUIRE(++turns <= RunQueue::hot_runs_max);
    queue.push_hot(cells[turns % 2]);
  }
  CHECK(turns == RunQueue::hot_runs_max);
}

TEST_CASE("of those that begin the newest runs first, before all that wait") {
  Places cells(4);
  RunQueue queue;
  queue.push(cells[0]);
  for (const std::uint32_t i : {1U, 2U, 3U}) queue.push_beginner(cells[i]);
  CHECK(all_of(queue) == Numbers{3, 2, 1, 0});
  CHECK(queue.pushed() == queue.popped());
}

TEST_CASE(
    "actors that spawn for ever starve neither those that wait nor those that began to wait") {
  Places cells(3);
  RunQueue queue;
  queue.push(cells[0]);
  queue.push_beginner(cells[1]);
  std::uint32_t turns = 0;
  std::uint32_t waiting_ran_at = 0;
  std::uint32_t oldest_ran_at = 0;
  // Each new one is the only one that begins, but for the oldest.
  for (queue.push_beginner(cells[2]); oldest_ran_at == 0; ++turns) {
    REQUIRE(turns <= 2 * RunQueue::beginners_max);
    Cell* const cell = queue.pop();
    if (cell == &cells[0]) waiting_ran_at = turns;
    if (cell == &cells[1]) oldest_ran_at = turns;
    if (cell == &cells[2]) queue.push_beginner(cells[2]);
  }
  CHECK(waiting_ran_at > 0);
  CHECK(waiting_ran_at <= RunQueue::beginners_in_a_row_max);
  CHECK(oldest_ran_at <= RunQueue::beginners_max + RunQueue::beginners_in_a_row_max);
}

TEST_CASE("a thief takes every second one, the oldest first, of those that wait or begin") {
  const std::uint32_t count = GENERATE(as<std::uint32_t>{}, 0, 1, 2, 3, 4, 5);
  Places cells(2 * count);
  RunQueue queue;
  for (std::uint32_t i = 0; i < count; ++i) queue.push(cells[i]);
  for (std::uint32_t i = 0; i < count; ++i) queue.push_beginner(cells[count + i]);
  Numbers taken;
  queue.share(100, [&](Cell& cell) { taken.push_back(cell.id().slot); });
  Numbers expected;
  Numbers left;
  for (std::uint32_t i = 0; i < count; ++i) (i % 2 == 0 ? expected : left).push_back(i);
  Numbers begun;
  for (std::uint32_t i = count; i-- > 0;) (i % 2 == 0 ? begun : left).push_back(count + i);
  expected.insert(expected.end(), begun.begin(), begun.end());
  CHECK(taken == expected);
  Numbers stayed = all_of(queue);
  std::sort(stayed.begin(), stayed.end());
  std::sort(left.begin(), left.end());
  CHECK(stayed == left);
  CHECK(queue.pushed() == queue.popped());
  CHECK(queue.oldest_beginner() == 0);
}

TEST_CASE("a thief takes no more than it asked for, and the queue goes on in its order") {
  Places cells(9);
  RunQueue queue;
  for (const std::uint32_t i : {0U, 1U, 2U, 3U, 4U}) queue.push(cells[i]);
  Numbers taken;
  queue.share(2, [&](Cell& cell) { taken.push_back(cell.id().slot); });
  CHECK(taken == Numbers{0, 2});
  queue.push(cells[5]);
  CHECK(all_of(queue) == Numbers{1, 3, 4, 5});
}

TEST_CASE("a thief leaves the newest beginners of many") {
  constexpr std::uint32_t count = 2 * RunQueue::walked_max;
  Places cells(count);
  RunQueue queue;
  for (std::uint32_t i = 0; i < count; ++i) queue.push_beginner(cells[i]);
  std::uint32_t taken = 0;
  queue.share(count, [&](Cell&) { ++taken; });
  CHECK(taken == (count - RunQueue::kept_max) / 2 + RunQueue::kept_max / 2);
  CHECK(queue.pop() == &cells[count - 1]);
  CHECK(all_of(queue).size() == count - taken - 1);
  CHECK(queue.pushed() == queue.popped());
}

TEST_CASE("the oldest beginner keeps its number while newer ones come and go") {
  Places cells(3);
  RunQueue queue;
  CHECK(queue.oldest_beginner() == 0);
  queue.push_beginner(cells[0]);
  const auto first = queue.oldest_beginner();
  CHECK(first != 0);
  queue.push_beginner(cells[1]);
  CHECK(queue.pop() == &cells[1]);
  CHECK(queue.oldest_beginner() == first);
  CHECK(queue.pop() == &cells[0]);
  CHECK(queue.oldest_beginner() == 0);
  queue.push_beginner(cells[0]);
  CHECK(queue.oldest_beginner() != 0);
  CHECK(queue.oldest_beginner() != first);
}
