/// SecretKey: the daemon's secret key, kept out of core dumps and wiped when it is let go.
#pragma once
#include <string_view>

#include "daemon/policy/z85.hpp"

namespace backstage::policy {

/// Moves only: there is one copy of it that is ours. (libzmq keeps its own, for each endpoint.)
class SecretKey {
 public:
  /// Copies 40 characters of Z85. Throws std::system_error without memory.
  explicit SecretKey(std::string_view text);
  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&&) = delete;
  ~SecretKey();

  /// Never to be logged, shown or sent. Valid while this lives; followed by a NUL.
  [[nodiscard]] std::string_view text() const noexcept { return {page_, key_digits}; }

 private:
  char* page_;
};

/// Overwrites what `text` holds. [any]
void wipe(char* text, std::size_t size) noexcept;

}  // namespace backstage::policy
