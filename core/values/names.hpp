/// The grammar of names and addresses, and strong types for text that has passed it.
///
///   actor  = 1*64 ( A-Z a-z 0-9 . _ : - or %XX )       convention type:key, `book:BTC-USD`
///   topic  = 1*128 of the same; tokens split by '.', none of them empty
///   address = actor [ "/" topic ]                       topic defaults to "default"; <= 200 bytes
///
/// %XX stands for any other byte, is kept verbatim (never decoded) and counts three bytes. Names
/// beginning with '$' belong to the daemon: the grammar takes them, `is_reserved` tells.
#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "core/values/result.hpp"

namespace backstage {

inline constexpr std::string_view default_topic = "default";

[[nodiscard]] bool is_actor_name(std::string_view text) noexcept;
[[nodiscard]] bool is_topic_name(std::string_view text) noexcept;
/// Types share the grammar of actor names (limit type_name_bytes_max).
[[nodiscard]] bool is_type_name(std::string_view text) noexcept;
[[nodiscard]] inline bool is_reserved(std::string_view name) noexcept {
  return !name.empty() && name.front() == '$';
}

/// A publishing address: always has a topic. Cheap to move, compared by text.
class Address {
 public:
  /// Takes `actor` or `actor/topic`. Errors: bad_addr.
  [[nodiscard]] static Result<Address> parse(std::string_view text);
  /// Both parts must be legal. Errors: bad_addr.
  [[nodiscard]] static Result<Address> join(std::string_view actor, std::string_view topic);

  [[nodiscard]] std::string_view actor() const noexcept {
    return std::string_view{text_}.substr(0, slash_);
  }
  [[nodiscard]] std::string_view topic() const noexcept {
    return std::string_view{text_}.substr(slash_ + 1);
  }
  /// `actor/topic`, the topic always written.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

  friend bool operator==(const Address& a, const Address& b) noexcept { return a.text_ == b.text_; }

 private:
  Address(std::string text, std::size_t slash) : text_(std::move(text)), slash_(slash) {}
  std::string text_;
  std::size_t slash_;
};

}  // namespace backstage
