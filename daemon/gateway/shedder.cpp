#include "daemon/gateway/shedder.hpp"

#include <algorithm>
#include <vector>

namespace backstage::gateway {
namespace {

using namespace std::chrono_literals;

// Answers and direct mail are never given up: while only they wait, to look again at once is vain.
constexpr Duration pause = 10ms;
// Freed beyond the limit, so that not every message that follows has to look for the largest.
constexpr std::uint64_t slack_part = 16;

struct Load {
  std::uint64_t bytes;
  Session* session;
};

}  // namespace

void Shedder::shed() {
  const TimePoint now = house_.clock.now();
  if (now < not_before_) return;
  const std::uint64_t limit = house_.options.limits.waiting_bytes_max;
  const std::uint64_t wanted = waiting() - (limit - limit / slack_part);
  std::vector<Load> loads;
  sessions_.for_each([&loads](Session& session) {
    if (const auto bytes = session.waiting_bytes(); bytes != 0) loads.push_back({bytes, &session});
  });
  std::sort(loads.begin(), loads.end(),
            [](const Load& a, const Load& b) { return a.bytes > b.bytes; });
  std::uint64_t freed = 0;
  for (const Load& load : loads) {
    if (freed >= wanted) break;
    freed += load.session->shed(wanted - freed);
  }
  house_.counters.sheds.add();
  not_before_ = freed == 0 ? now + pause : now;
}

}  // namespace backstage::gateway
