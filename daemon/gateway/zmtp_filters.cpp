#include "daemon/gateway/zmtp_filters.hpp"

#include <algorithm>

namespace backstage::gateway {

void ZmtpFilters::add(ZmtpConnection& connection, std::string_view filter) {
  if (connection.filters == nullptr) {
    connection.filters = std::make_unique<std::map<std::string, std::uint32_t, std::less<>>>();
  }
  if (++connection.filters->try_emplace(std::string(filter)).first->second > 1) return;
  auto found = by_filter_.find(filter);
  if (found == by_filter_.end()) {
    found = by_filter_.try_emplace(std::string(filter)).first;
    ++lengths_[filter.size()];
  }
  found->second.push_back(&connection);
}

bool ZmtpFilters::remove(ZmtpConnection& connection, std::string_view filter) {
  if (connection.filters == nullptr) return false;
  const auto found = connection.filters->find(filter);
  if (found == connection.filters->end()) return false;
  if (--found->second != 0) return true;
  forget(connection, filter);
  connection.filters->erase(found);
  return true;
}

void ZmtpFilters::remove_all(ZmtpConnection& connection,
                             const std::function<void(std::string_view filter)>& removed) {
  if (connection.filters == nullptr) return;
  for (const auto& [filter, count] : *connection.filters) {
    forget(connection, filter);
    for (std::uint32_t i = 0; i < count; ++i) removed(filter);
  }
  connection.filters.reset();
}

void ZmtpFilters::forget(ZmtpConnection& connection, std::string_view filter) {
  const auto found = by_filter_.find(filter);
  auto& those = found->second;
  const auto at = std::ranges::find(those, &connection);
  *at = those.back();
  those.pop_back();
  if (!those.empty()) return;
  by_filter_.erase(found);
  const auto length = lengths_.find(filter.size());
  if (--length->second == 0) lengths_.erase(length);
}

const std::vector<ZmtpConnection*>& ZmtpFilters::match(std::string_view text) {
  matched_.clear();
  ++publishes_;
  for (const auto& [length, count] : lengths_) {
    if (length > text.size()) break;
    const auto found = by_filter_.find(text.substr(0, length));
    if (found == by_filter_.end()) continue;
    for (ZmtpConnection* const one : found->second) {
      // Another of its filters may have matched.
      if (one->published == publishes_) continue;
      one->published = publishes_;
      matched_.push_back(one);
    }
  }
  return matched_;
}

}  // namespace backstage::gateway
