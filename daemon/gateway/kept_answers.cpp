#include "daemon/gateway/kept_answers.hpp"

#include <algorithm>

namespace backstage::gateway {

void KeptAnswers::keep(std::uint64_t id, const KeptAnswer& answer) {
  if (!by_id_.emplace(id, answer).second) return;
  order_.push_back(id);
  if (order_.size() <= kept_max_) return;
  forgotten_max_ = std::max(forgotten_max_, order_.front());
  by_id_.erase(order_.front());
  order_.pop_front();
}

const KeptAnswer* KeptAnswers::find(std::uint64_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

void KeptAnswers::clear() noexcept {
  by_id_.clear();
  order_.clear();
  forgotten_max_ = 0;
}

}  // namespace backstage::gateway
