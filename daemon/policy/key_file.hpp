/// Key files: one key in Z85 on a line of its own; lines that begin with `#` are comments.
#pragma once
#include <expected>
#include <string>

#include "daemon/policy/secret_key.hpp"
#include "daemon/policy/z85.hpp"

namespace backstage::policy {

/// Why a key file or directory is refused, under a code that never changes.
struct KeyFault {
  std::string code;   ///< KEY-101 ...
  std::string where;  ///< the file
  std::string what;   ///< and why
  std::string next;   ///< what to do
};

/// KEY-101 cannot be read, KEY-102 no regular file, KEY-103 somebody else's, KEY-104 others may
/// read or write it, KEY-105 no key in it.
///
/// A secret key: owned by the daemon's user or root, and for nobody else's eyes (0600, 0400).
[[nodiscard]] std::expected<SecretKey, KeyFault> read_secret_key(const std::string& path);
/// A public key: anybody may read it; writable by its owner only, who is the daemon's user or root.
[[nodiscard]] std::expected<Key, KeyFault> read_public_key(const std::string& path);

}  // namespace backstage::policy
