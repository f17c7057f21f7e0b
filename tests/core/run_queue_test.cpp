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

TEST_CASE("a thief takes what waits, then the older half of those that begin") {
  Places cells(5);
  RunQueue queue;
  queue.push(cells[0]);
  for (const std::uint32_t i : {1U, 2U, 3U, 4U}) queue.push_beginner(cells[i]);
  CHECK(queue.pop_old() == &cells[0]);
  CHECK(queue.pop_old() == &cells[2]);
  CHECK(queue.pop_old() == &cells[1]);
  CHECK(all_of(queue) == Numbers{4, 3});
}

TEST_CASE("a thief leaves the newest beginners of many") {
  constexpr std::uint32_t count = 4 * RunQueue::kept_max;
  Places cells(count);
  RunQueue queue;
  for (std::uint32_t i = 0; i < count; ++i) queue.push_beginner(cells[i]);
  CHECK(queue.pop_old() == &cells[count - RunQueue::kept_max - 1]);
  for (std::uint32_t i = 0; i < RunQueue::beginners_in_a_row_max - 1; ++i) {
    REQUIRE(queue.pop() == &cells[count - 1 - i]);
  }
  CHECK(all_of(queue).size() == count - RunQueue::beginners_in_a_row_max);
  CHECK(queue.pushed() == queue.popped());
}
