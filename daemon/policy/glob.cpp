#include "daemon/policy/glob.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace backstage::policy {
namespace {

// Stands for what a wildcard may be, and is in no glob: only a `*` can match it. What matches
// it matches whatever the wildcard becomes, and what does not fails for a name with a byte that
// the glob does not have.
constexpr char anything = '\1';

// A pattern, byte by byte.
struct Symbol {
  enum class Kind : std::uint8_t { byte, one, many } kind = Kind::byte;
  char byte = 0;
  bool crosses_dots = false;  // of one and many
};

// A wildcard is one byte and any more: names and tokens are never empty.
void add_wildcard(std::vector<Symbol>& symbols, bool crosses_dots) {
  symbols.push_back({Symbol::Kind::one, 0, crosses_dots});
  symbols.push_back({Symbol::Kind::many, 0, crosses_dots});
}

std::vector<Symbol> symbols_of(std::string_view pattern) {
  std::vector<Symbol> symbols;
  const auto slash = pattern.find('/');
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char byte = pattern[i];
    if (byte == '*' || byte == '>') {
      add_wildcard(symbols, byte == '>' || i < slash);
    } else {
      symbols.push_back({Symbol::Kind::byte, byte, false});
    }
  }
  return symbols;
}

bool can_be(const Symbol& symbol, char byte) noexcept {
  if (symbol.kind == Symbol::Kind::byte) return symbol.byte == byte;
  return byte != '/' && (symbol.crosses_dots || byte != '.');
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) noexcept {
  std::size_t g = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  // Only the last star needs to be tried with more: what an earlier one could take, it can too.
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      resume = t;
    } else if (g < glob.size() && glob[g] == text[t]) {
      ++g;
      ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool glob_covers(std::string_view glob, std::string_view pattern) {
  std::string instance(pattern);
  std::replace(instance.begin(), instance.end(), '*', anything);
  std::replace(instance.begin(), instance.end(), '>', anything);
  return glob_matches(glob, instance);
}

bool glob_overlaps(std::string_view glob, std::string_view pattern) {
  const auto symbols = symbols_of(pattern);
  const std::size_t width = glob.size() + 1;
  // meets[s][g]: what is left of both from there has a text in common. From the ends backwards.
  std::vector<bool> meets((symbols.size() + 1) * width, false);
  const auto at = [&](std::size_t s, std::size_t g) { return meets[s * width + g]; };
  for (std::size_t s = symbols.size() + 1; s-- > 0;) {
    const bool has_symbol = s < symbols.size();
    for (std::size_t g = width; g-- > 0;) {
      const bool has_glob = g < glob.size();
      bool is_met = !has_symbol && !has_glob;
      if (has_glob && glob[g] == '*') {
        is_met = at(s, g + 1) || (has_symbol && at(s + 1, g));
      } else if (has_symbol && symbols[s].kind == Symbol::Kind::many) {
        is_met = at(s + 1, g) || (has_glob && can_be(symbols[s], glob[g]) && at(s, g + 1));
      } else if (has_symbol && has_glob) {
        is_met = can_be(symbols[s], glob[g]) && at(s + 1, g + 1);
      }
      meets[s * width + g] = is_met;
    }
  }
  return at(0, 0);
}

}  // namespace backstage::policy
