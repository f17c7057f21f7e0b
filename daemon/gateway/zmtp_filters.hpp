/// ZmtpFilters: which SUB sockets want what begins how.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/string_map.hpp"
#include "daemon/gateway/zmtp_connection.hpp"

namespace backstage::gateway {

/// A table by whole filters, and the lengths that there are: a publish looks once for each length.
/// Filters are addresses, so there are few. One thread at a time.
class ZmtpFilters {
 public:
  void add(ZmtpConnection& connection, std::string_view filter);
  /// False: it has not set it.
  [[nodiscard]] bool remove(ZmtpConnection& connection, std::string_view filter);
  /// Removes all of them; `removed` is called once for each time that one was set.
  void remove_all(ZmtpConnection& connection,
                  const std::function<void(std::string_view filter)>& removed);
  /// Every connection with a filter that is a prefix of `text`, once, in no order. Valid until the
  /// next call of anything.
  [[nodiscard]] const std::vector<ZmtpConnection*>& match(std::string_view text);

 private:
  void forget(ZmtpConnection& connection, std::string_view filter);

  StringMap<std::vector<ZmtpConnection*>> by_filter_;
  std::map<std::size_t, std::size_t> lengths_;  // and how many filters have each
  std::vector<ZmtpConnection*> matched_;
  std::uint64_t publishes_ = 0;
};

}  // namespace backstage::gateway
