// PatternTrie: a walk takes one token a level, through the named child and through `*`.
#include "core/pattern_trie.hpp"

#include <utility>

namespace backstage {
namespace {

std::string_view next_token(std::string_view& rest) noexcept {
  const auto dot = rest.find('.');
  const auto token = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  return token;
}

}  // namespace

PatternTrie::Node& PatternTrie::grow(Node& node, std::string_view token) {
  if (token != "*") {
    const auto found = node.named.find(token);
    if (found != node.named.end()) return *found->second;
  } else if (node.any != nullptr) {
    return *node.any;
  }
  auto grown = std::make_unique<Node>();
  Node& child = *grown;
  if (token == "*") {
    node.any = std::move(grown);
  } else {
    node.named.emplace(token, std::move(grown));
  }
  ++nodes_;
  return child;
}

void PatternTrie::insert(const Pattern& pattern, const Subscribers& group) {
  Node* node = &grow(root_, pattern.actor_part());
  std::string_view rest = pattern.topic_part();
  while (!rest.empty()) {
    const auto token = next_token(rest);
    if (token == ">") {
      node->beyond = &group;
      return;
    }
    node = &grow(*node, token);
  }
  node->here = &group;
}

bool PatternTrie::remove(const Pattern& pattern) {
  return remove_below(root_, pattern.actor_part(), pattern.topic_part());
}

bool PatternTrie::remove_below(Node& node, std::string_view token, std::string_view rest) {
  if (token == "*") {
    if (node.any == nullptr || !remove_end(*node.any, rest)) return false;
    if (node.any->is_empty()) {
      node.any.reset();
      --nodes_;
    }
    return true;
  }
  const auto found = node.named.find(token);
  if (found == node.named.end() || !remove_end(*found->second, rest)) return false;
  if (found->second->is_empty()) {
    node.named.erase(found);
    --nodes_;
  }
  return true;
}

bool PatternTrie::remove_end(Node& node, std::string_view rest) {
  if (rest.empty()) return std::exchange(node.here, nullptr) != nullptr;
  if (rest == ">") return std::exchange(node.beyond, nullptr) != nullptr;
  const auto token = next_token(rest);
  return remove_below(node, token, rest);
}

std::size_t PatternTrie::match(const Address& address,
                               std::vector<const Subscribers*>& found) const {
  return match_below(root_, address.actor(), address.topic(), found);
}

std::size_t PatternTrie::match_below(const Node& node, std::string_view token,
                                     std::string_view rest,
                                     std::vector<const Subscribers*>& found) {
  std::size_t visited = 0;
  if (const auto named = node.named.find(token); named != node.named.end()) {
    visited += match_end(*named->second, rest, found);
  }
  if (node.any != nullptr) visited += match_end(*node.any, rest, found);
  return visited;
}

std::size_t PatternTrie::match_end(const Node& node, std::string_view rest,
                                   std::vector<const Subscribers*>& found) {
  if (rest.empty()) {
    if (node.here != nullptr) found.push_back(node.here);
    return 1;
  }
  if (node.beyond != nullptr) found.push_back(node.beyond);
  const auto token = next_token(rest);
  return 1 + match_below(node, token, rest, found);
}

}  // namespace backstage
