/// Keepsakes: what the daemon remembers of plugins beyond its end: the last good file of each, and
/// which contents it has sent back.
///
/// `DIRECTORY/<id>.so`, as it was dropped, and `DIRECTORY/refused`, a line for each content:
/// sha256, code, file, cause and fix between tabs. Both are replaced as a whole. Lines that make no
/// sense are passed over.
#pragma once
#include <cstddef>
#include <expected>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "daemon/plugin_host/refusal.hpp"

namespace backstage::plugin_host {

/// [loader] all of it.
class Keepsakes {
 public:
  using Refused = std::map<std::string, Refusal, std::less<>>;  // by sha256

  /// Makes the directory (0700) when it is first written to. Empty: keeps nothing.
  explicit Keepsakes(std::string directory) : directory_(std::move(directory)) {}

  /// Errors: a sentence; what was kept before is kept.
  [[nodiscard]] std::expected<void, std::string> keep_good(std::string_view id,
                                                           std::span<const std::byte> image) const;
  /// Empty: none was kept.
  [[nodiscard]] std::string good_file(std::string_view id) const;

  [[nodiscard]] Refused refused() const;
  /// All of them, in the place of those before. Errors: a sentence.
  [[nodiscard]] std::expected<void, std::string> keep_refused(const Refused& refused) const;

 private:
  [[nodiscard]] std::expected<void, std::string> replace(const std::string& name,
                                                         std::string_view content) const;

  const std::string directory_;
};

}  // namespace backstage::plugin_host
