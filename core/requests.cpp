#include "core/requests.hpp"

#include <algorithm>

namespace backstage {

Result<Requests::Asked> Requests::on_reply(RequestId id) {
  Asked* const found = asked_.find(id);
  if (found == nullptr) return Refused(Errc::no_request);
  Asked asked = std::move(*found);
  asked_.erase(id);
  return asked;
}

std::vector<TimerKey> Requests::forget_asked(RequestId after, RequestId until) {
  std::vector<TimerKey> timers;
  asked_.erase_if([&](RequestId id, const Asked& asked) {
    if (id <= after || id > until) return false;
    timers.push_back(asked.deadline);
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
  // One that is tried again is on the books already.
  if ((latest_ && latest_->first == request) || (!open_.empty() && open_.contains(request))) return;
  if (latest_) open_.insert(*latest_);
  latest_.emplace(request, deadline);
}

bool Requests::close(RequestRef request) {
  if (latest_ && latest_->first == request) {
    latest_.reset();
    return true;
  }
  return open_.erase(request) != 0;
}

std::vector<RequestRef> Requests::take_open() {
  std::vector<RequestRef> all;
  all.reserve(open_.size() + 1);
  if (latest_) all.push_back(latest_->first);
  for (const auto& [request, deadline] : open_) all.push_back(request);
  latest_.reset();
  open_.clear();
  // The map's order depends on hashing; failures must be told in the order of asking.
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace backstage
