#include "core/requests.hpp"

#include <algorithm>

namespace backstage {

Result<Requests::Asked> Requests::on_reply(RequestId id) {
  const auto found = asked_.find(id);
  if (found == asked_.end()) return Refused(Errc::no_request);
  Asked asked = std::move(found->second);
  asked_.erase(found);
  return asked;
}

std::vector<TimerKey> Requests::forget_asked(RequestId after, RequestId until) {
  std::vector<TimerKey> timers;
  std::erase_if(asked_, [&](const auto& entry) {
    if (entry.first <= after || entry.first > until) return false;
    timers.push_back(entry.second.deadline);
    return true;
  });
  return timers;
}

void Requests::on_received(RequestRef request, TimePoint deadline, TimePoint now) {
  if (open_.size() >= prune_at_) {
    // Nobody waits for these any more. Doubling keeps the cost of looking constant per request.
    std::erase_if(open_, [&](const auto& entry) { return entry.second < now; });
    prune_at_ = std::max<std::size_t>(64, open_.size() * 2);
  }
  open_.emplace(request, deadline);
}

std::vector<RequestRef> Requests::take_open() {
  std::vector<RequestRef> all;
  all.reserve(open_.size());
  for (const auto& [request, deadline] : open_) all.push_back(request);
  open_.clear();
  // The map's order depends on hashing; failures must be told in the order of asking.
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace backstage
