// Deadlines of clients' requests: in order, forgotten when answered, and never kept for long.
#include "daemon/gateway/deadlines.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

namespace backstage::gateway::test {
namespace {

using namespace std::chrono_literals;

TimePoint at(Duration since) { return TimePoint{} + since; }

TEST_CASE("a deadline that comes out of order is not taken", "[gateway]") {
  Deadlines deadlines;
  CHECK(deadlines.takes(at(5s)));
  (void)deadlines.add(at(5s), {});
  CHECK(deadlines.takes(at(5s)));
  CHECK(deadlines.takes(at(6s)));
  CHECK_FALSE(deadlines.takes(at(4s)));
}

TEST_CASE("the first deadline is told, and not moved by every answer", "[gateway]") {
  Deadlines deadlines;
  CHECK(deadlines.due() == never);
  const auto first = deadlines.add(at(1s), {});
  (void)deadlines.add(at(2s), {});
  CHECK(deadlines.due() == at(1s));
  deadlines.forget(first);
  CHECK(deadlines.due() == at(1s));
  backstage::test::Stage stage;
  deadlines.on_time(at(1s), stage.engine);
  CHECK(deadlines.due() == at(2s));
}

TEST_CASE("what is answered is let go of, behind one that is not as well", "[gateway]") {
  Deadlines deadlines;
  const auto patient = deadlines.add(at(1s), {});
  for (int i = 0; i < 100'000; ++i) deadlines.forget(deadlines.add(at(1s), {}));
  CHECK(deadlines.kept() < 2'000);
  // Still found where numbers are missing between.
  deadlines.forget(patient);
  CHECK(deadlines.kept() == 0);
}

TEST_CASE("to forget one twice, none, or one of another time changes nothing", "[gateway]") {
  Deadlines deadlines;
  const auto first = deadlines.add(at(1s), {});
  const auto second = deadlines.add(at(1s), {});
  deadlines.forget(0);
  deadlines.forget(second + 1);
  deadlines.forget(first);
  deadlines.forget(first);
  CHECK(deadlines.kept() == 1);
}

}  // namespace
}  // namespace backstage::gateway::test
