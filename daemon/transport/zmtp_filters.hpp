/// ZmtpFilters: which SUB sockets want what begins how.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "daemon/transport/zmtp_connection.hpp"

namespace backstage::transport {

/// A table by the hash of whole filters, and the lengths that there are. A publish is hashed once,
/// byte by byte, and looked for at each length. One thread at a time.
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
  struct Wanted {
    std::string filter;
    std::vector<ZmtpConnection*> by;
  };
  [[nodiscard]] Wanted* find(std::uint64_t hash, std::string_view filter) noexcept;
  void forget(const ZmtpConnection& connection, std::string_view filter) noexcept;
  void match(std::uint64_t hash, std::string_view prefix);

  std::unordered_multimap<std::uint64_t, Wanted> by_hash_;
  std::map<std::size_t, std::size_t> lengths_;  // and how many filters have each
  std::vector<ZmtpConnection*> matched_;
  std::uint64_t publishes_ = 0;
};

}  // namespace backstage::transport
