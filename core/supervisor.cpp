#include "core/supervisor.hpp"

#include <algorithm>

namespace backstage {

Decision RestartHistory::on_failure(const RestartPolicy& policy, TimePoint now) {
  std::erase_if(failures_, [&](TimePoint then) { return now - then > policy.period; });
  failures_.push_back(now);
  if (failures_.size() > policy.intensity) return {Decision::Verb::park, {}};
  Duration after = policy.backoff_min;
  for (std::size_t i = 1; i < failures_.size() && after < policy.backoff_max; ++i) after *= 2;
  restarts_.fetch_add(1, std::memory_order_relaxed);
  return {Decision::Verb::restart, std::min(after, policy.backoff_max)};
}

}  // namespace backstage
