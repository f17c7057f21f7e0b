#include "daemon/gateway/kept_answers.hpp"

#include <algorithm>

namespace backstage::gateway {

void KeptAnswers::keep(std::uint64_t id, const KeptAnswer& answer, std::size_t kept_max) {
  if (book_ == nullptr) book_ = std::make_unique<Book>();
  auto& [by_id, order, forgotten_max] = *book_;
  if (!by_id.emplace(id, answer).second) return;
  order.push_back(id);
  if (order.size() <= kept_max) return;
  forgotten_max = std::max(forgotten_max, order.front());
  by_id.erase(order.front());
  order.pop_front();
}

const KeptAnswer* KeptAnswers::find(std::uint64_t id) const {
  if (book_ == nullptr) return nullptr;
  const auto found = book_->by_id.find(id);
  return found == book_->by_id.end() ? nullptr : &found->second;
}

}  // namespace backstage::gateway
