/// config: the JSON text an actor or a plugin was given, and single values out of it.
///
/// json_config (json.hpp) reads all of JSON; text() is the whole text. The getters are a small
/// scanner for flat settings,
/// `{"period_ms": 250, "name": "x", "loud": true}`: they look at the top-level keys of one object,
/// compare keys byte by byte, take the first of a repeated key, skip over nested values, and know
/// no escapes in texts and no fractions. What they cannot read they refuse with an error that names
/// the key; they never guess. [any-thread]
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "backstage/payload.hpp"
#include "backstage/status.hpp"

namespace backstage {

class config {
 public:
  explicit config(std::string_view text) noexcept : text_(text) {}

  /// Empty when none was given. Valid during the constructor or init that got it.
  [[nodiscard]] std::string_view text() const noexcept { return text_; }

  // Each: the fallback when there is no such key; throws backstage::error (BS_E_ARG) when its value
  // is of another kind, or the text is no JSON object.
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback) const {
    const auto found = find(key);
    if (!found) return fallback;
    if (const auto value = to_integer(*found)) return *value;
    throw wrong(key, "an integer", *found);
  }
  /// As above, and refuses values outside of [min, max].
  [[nodiscard]] std::int64_t integer(std::string_view key, std::int64_t fallback, std::int64_t min,
                                     std::int64_t max) const {
    const std::int64_t value = integer(key, fallback);
    if (value >= min && value <= max) return value;
    throw wrong(key, "an integer from " + std::to_string(min) + " to " + std::to_string(max),
                std::to_string(value));
  }
  [[nodiscard]] bool boolean(std::string_view key, bool fallback) const {
    const auto found = find(key);
    if (!found) return fallback;
    if (*found == "true" || *found == "false") return *found == "true";
    throw wrong(key, "true or false", *found);
  }
  [[nodiscard]] std::string string(std::string_view key, std::string_view fallback) const {
    const auto found = find(key);
    if (!found) return std::string{fallback};
    if (found->size() < 2 || found->front() != '"' || found->find('\\') != std::string_view::npos) {
      throw wrong(key, "a text without escapes", *found);
    }
    return std::string{found->substr(1, found->size() - 2)};
  }

 private:
  static error wrong(std::string_view key, std::string_view wanted, std::string_view got) {
    return {BS_E_ARG, "config key \"" + std::string{key} + "\" must be " + std::string{wanted} +
                          ", not " + std::string{got.substr(0, 64)}};
  }

  /// One pass over the text; every function leaves `rest` behind what it took.
  struct scanner {
    std::string_view rest;

    [[noreturn]] static void broken(const char* what) {
      throw error(BS_E_ARG, std::string{"config is not a JSON object: "} + what);
    }
    void blanks() noexcept {
      const auto start = rest.find_first_not_of(" \t\r\n");
      rest.remove_prefix(start == std::string_view::npos ? rest.size() : start);
    }
    [[nodiscard]] bool next_is(char wanted) {
      blanks();
      if (rest.empty() || rest.front() != wanted) return false;
      rest.remove_prefix(1);
      return true;
    }
    [[nodiscard]] bool closes() {
      blanks();
      return !rest.empty() && rest.front() == '}';
    }
    /// A text with its quotes.
    std::string_view quoted() {
      blanks();
      if (rest.empty() || rest.front() != '"') broken("expected a key in quotes");
      for (std::size_t i = 1; i < rest.size(); ++i) {
        if (rest[i] == '\\')
          ++i;
        else if (rest[i] == '"')
          return take(i + 1);
      }
      broken("a quote is not closed");
    }
    /// Any value, nested ones whole.
    std::string_view value() {
      blanks();
      if (!rest.empty() && rest.front() == '"') return quoted();
      if (rest.empty() || (rest.front() != '{' && rest.front() != '[')) {
        const auto end = rest.find_first_of(",}] \t\r\n");
        if (end == 0 || end == std::string_view::npos) broken("expected a value");
        return take(end);
      }
      return nested();
    }
    std::string_view nested() {
      const std::string_view whole = rest;
      std::size_t depth = 0;
      do {
        blanks();
        if (rest.empty()) broken("a bracket is not closed");
        const char at = rest.front();
        if (at == '"') {
          quoted();
          continue;
        }
        if (at == '{' || at == '[') ++depth;
        if (at == '}' || at == ']') --depth;
        rest.remove_prefix(1);
      } while (depth > 0);
      return whole.substr(0, whole.size() - rest.size());
    }
    std::string_view take(std::size_t size) noexcept {
      const std::string_view taken = rest.substr(0, size);
      rest.remove_prefix(size);
      return taken;
    }
  };

  [[nodiscard]] std::optional<std::string_view> find(std::string_view key) const {
    scanner at{text_};
    at.blanks();
    if (at.rest.empty()) return std::nullopt;
    if (!at.next_is('{')) scanner::broken("it does not begin with {");
    std::optional<std::string_view> found;
    while (!at.next_is('}')) {
      const std::string_view name = at.quoted();
      if (!at.next_is(':')) scanner::broken("expected : after a key");
      const std::string_view value = at.value();
      if (!found && name.substr(1, name.size() - 2) == key) found = value;
      if (!at.next_is(',') && !at.closes()) scanner::broken("expected , or } after a value");
    }
    at.blanks();
    if (!at.rest.empty()) scanner::broken("there is more behind its }");
    return found;
  }

  std::string_view text_;
};

}  // namespace backstage
