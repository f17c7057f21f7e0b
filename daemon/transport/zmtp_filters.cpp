#include "daemon/transport/zmtp_filters.hpp"

#include <algorithm>
#include <utility>

#include "daemon/transport/random.hpp"

namespace backstage::transport {
namespace {

// FNV-1a (Fowler, Noll, Vo), which goes on from any prefix. Begins with a number of this process's
// own, so that nobody can choose filters that collide.
constexpr std::uint64_t prime = 0x100000001B3U;

std::uint64_t begin_hash() noexcept {
  static const std::uint64_t begin = random_seed() | std::uint64_t{random_seed()} << 32U;
  return begin;
}

std::uint64_t hash_on(std::uint64_t hash, std::string_view bytes) noexcept {
  for (const char c : bytes) hash = (hash ^ static_cast<std::uint8_t>(c)) * prime;
  return hash;
}

}  // namespace

ZmtpFilters::Wanted* ZmtpFilters::find(std::uint64_t hash, std::string_view filter) noexcept {
  const auto [first, last] = by_hash_.equal_range(hash);
  const auto found =
      std::find_if(first, last, [&](const auto& entry) { return entry.second.filter == filter; });
  return found == last ? nullptr : &found->second;
}

void ZmtpFilters::add(ZmtpConnection& connection, std::string_view filter) {
  if (connection.filters == nullptr) {
    connection.filters = std::make_unique<std::map<std::string, std::uint32_t, std::less<>>>();
  }
  if (const auto known = connection.filters->find(filter); known != connection.filters->end()) {
    ++known->second;
    return;
  }
  // What is on the connection's list is in the table, whatever throws: forget() finds it or not.
  connection.filters->emplace(filter, 1);
  const std::uint64_t hash = hash_on(begin_hash(), filter);
  Wanted* wanted = find(hash, filter);
  if (wanted == nullptr) {
    wanted = &by_hash_.emplace(hash, Wanted{std::string(filter), {}})->second;
    ++lengths_[filter.size()];
  }
  wanted->by.push_back(&connection);
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
  const auto filters = std::move(connection.filters);
  if (filters == nullptr) return;
  // First all, whatever those who are told may throw.
  for (const auto& [filter, count] : *filters) forget(connection, filter);
  for (const auto& [filter, count] : *filters) {
    for (std::uint32_t i = 0; i < count; ++i) removed(filter);
  }
}

void ZmtpFilters::forget(const ZmtpConnection& connection, std::string_view filter) noexcept {
  const auto [first, last] = by_hash_.equal_range(hash_on(begin_hash(), filter));
  const auto found =
      std::find_if(first, last, [&](const auto& entry) { return entry.second.filter == filter; });
  if (found == last) return;
  std::erase(found->second.by, &connection);
  if (!found->second.by.empty()) return;
  by_hash_.erase(found);
  const auto length = lengths_.find(filter.size());
  if (length != lengths_.end() && --length->second == 0) lengths_.erase(length);
}

const std::vector<ZmtpConnection*>& ZmtpFilters::match(std::string_view text) {
  matched_.clear();
  ++publishes_;
  std::uint64_t hash = begin_hash();
  std::size_t hashed = 0;
  for (const auto& [length, count] : lengths_) {
    if (length > text.size()) break;
    hash = hash_on(hash, text.substr(hashed, length - hashed));
    hashed = length;
    match(hash, text.substr(0, length));
  }
  return matched_;
}

void ZmtpFilters::match(std::uint64_t hash, std::string_view prefix) {
  const Wanted* const wanted = find(hash, prefix);
  if (wanted == nullptr) return;
  for (ZmtpConnection* const one : wanted->by) {
    // Another of its filters may have matched.
    if (std::exchange(one->published, publishes_) != publishes_) matched_.push_back(one);
  }
}

}  // namespace backstage::transport
