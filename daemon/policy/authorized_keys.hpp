/// AuthorizedKeys: the clients that CURVE lets in, one file each: `desk.key` holds the public key
/// of the principal `curve:desk`.
#pragma once
#include <cstdint>
#include <expected>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/policy/key_file.hpp"

namespace backstage::policy {

inline constexpr std::size_t authorized_keys_max = 10'000;

class AuthorizedKeys {
 public:
  /// Lets `name` in by `key`. False: another name has that key.
  bool add(std::string name, const Key& key);
  /// Who has this key of 32 bytes; empty: nobody. Valid while this is unchanged. [any]
  [[nodiscard]] std::string_view find(std::string_view key) const noexcept;
  [[nodiscard]] bool has(std::string_view name) const { return by_name_.contains(name); }
  [[nodiscard]] std::size_t size() const noexcept { return by_name_.size(); }
  /// Names here that `after` does not have, or has with another key. [any]
  [[nodiscard]] std::vector<std::string> lost_in(const AuthorizedKeys& after) const;

 private:
  std::map<std::string, Key, std::less<>> by_name_;
  std::map<Key, std::string, std::less<>> by_key_;
};

/// The directory, looked at again and again. [main]
class KeyDirectory {
 public:
  explicit KeyDirectory(std::string path) : path_(std::move(path)) {}

  struct Found {
    AuthorizedKeys keys;
    std::vector<KeyFault> refused;  ///< files that let nobody in, for this reason
  };
  /// Reads all of it. KEY-106: the directory cannot be read, is somebody else's, or others may
  /// write to it: then nobody is to be let in. KEY-107 (in `refused`): a name that cannot be a
  /// principal's, KEY-108 a key that another file has, KEY-109 more than authorized_keys_max.
  [[nodiscard]] std::expected<Found, KeyFault> read();
  /// Whether anything has changed since read(), by names, sizes, times, modes and owners.
  [[nodiscard]] bool has_changed() const;

 private:
  [[nodiscard]] std::string signature() const;
  std::string path_;
  std::string signature_;
};

}  // namespace backstage::policy
