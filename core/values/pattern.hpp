/// Patterns over addresses: what a subscription names.
///
///   pattern = actor-part [ "/" topic-part ]         topic-part defaults to "default"
///   actor-part = actor name | "*"                   `*` is the only wildcard of the actor part
///   topic-part = tokens split by '.'; a token is a name, `*` (exactly one token) or, last only,
///                `>` (one or more tokens)
///
/// Valid: `feed`, `feed/md.*.delta`, `*/md.>`, `*/*`, `feed/>`.
/// Invalid: `fe*d/x`, `feed/a*`, `feed/>.a`, `feed/`, `/x`, `feed/a..b`.
/// Valid but matching less than one may think: `feed/*` does not match `feed/a.b`.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/values/names.hpp"

namespace backstage {

class Pattern {
 public:
  /// Errors: bad_addr.
  [[nodiscard]] static Result<Pattern> parse(std::string_view text);
  /// The pattern that matches just that address.
  [[nodiscard]] static Pattern exact(const Address& address);

  /// With the topic always written: `feed` becomes `feed/default`.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] bool has_wildcard() const noexcept { return has_wildcard_; }
  [[nodiscard]] bool matches(const Address& address) const noexcept {
    return matches(address.actor(), address.topic());
  }
  [[nodiscard]] bool matches(std::string_view actor, std::string_view topic) const noexcept;
  /// What each wildcard stood for, left to right; empty unless it matches. `>` captures the rest.
  [[nodiscard]] std::vector<std::string_view> captures(const Address& address) const;

  [[nodiscard]] std::string_view actor_part() const noexcept {
    return std::string_view{text_}.substr(0, slash_);
  }
  [[nodiscard]] std::string_view topic_part() const noexcept {
    return std::string_view{text_}.substr(slash_ + 1);
  }

  friend bool operator==(const Pattern& a, const Pattern& b) noexcept { return a.text_ == b.text_; }

 private:
  Pattern(std::string text, std::size_t slash, bool has_wildcard)
      : text_(std::move(text)), slash_(slash), has_wildcard_(has_wildcard) {}
  std::string text_;
  std::size_t slash_;
  bool has_wildcard_;
};

}  // namespace backstage
