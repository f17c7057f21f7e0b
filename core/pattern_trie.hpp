/// PatternTrie: which wildcard patterns match an address, at the cost of its tokens and of the
/// patterns that look like it, whatever else is subscribed.
///
/// A level for the actor part, then one for each topic token. Pure: no locks, no engine.
#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "core/string_map.hpp"
#include "core/values/pattern.hpp"

namespace backstage {

struct Subscribers;

class PatternTrie {
 public:
  /// Keeps `group` under `pattern`, until removed; an earlier group of the pattern is replaced. The
  /// caller owns the group.
  void insert(const Pattern& pattern, const Subscribers& group);
  /// Nodes that lead nowhere any more go too. False: the pattern was not there.
  bool remove(const Pattern& pattern);
  /// Appends the group of every pattern that matches, in an order given by the patterns alone.
  /// Returns how many nodes it looked at.
  std::size_t match(const Address& address, std::vector<const Subscribers*>& found) const;
  /// Nodes below the root: none when no pattern is left.
  [[nodiscard]] std::size_t nodes() const noexcept { return nodes_; }

 private:
  struct Node {
    StringMap<std::unique_ptr<Node>> named;
    std::unique_ptr<Node> any;            // `*`
    const Subscribers* here = nullptr;    // a pattern ends
    const Subscribers* beyond = nullptr;  // a pattern ends in `>`: one more token or several
    [[nodiscard]] bool is_empty() const noexcept {
      return named.empty() && any == nullptr && here == nullptr && beyond == nullptr;
    }
  };

  [[nodiscard]] Node& grow(Node& node, std::string_view token);
  bool remove_below(Node& node, std::string_view token, std::string_view rest);
  bool remove_end(Node& node, std::string_view rest);
  static std::size_t match_below(const Node& node, std::string_view token, std::string_view rest,
                                 std::vector<const Subscribers*>& found);
  static std::size_t match_end(const Node& node, std::string_view rest,
                               std::vector<const Subscribers*>& found);

  Node root_;
  std::size_t nodes_ = 0;
};

}  // namespace backstage
