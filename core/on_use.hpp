/// OnUse: a map or set that costs a pointer until something is put into it. Most actors and
/// sessions are idle.
#pragma once
#include <cstddef>
#include <map>  // its std::erase_if
#include <memory>
#include <utility>

namespace backstage {

/// What it has of the container's verbs means the same. Iterators of one that is empty and was
/// never used compare equal to each other, and to its end.
template <class Container>
class OnUse {
 public:
  using Iterator = typename Container::iterator;

  [[nodiscard]] Iterator begin() const noexcept {
    return made_ == nullptr ? Iterator{} : made_->begin();
  }
  [[nodiscard]] Iterator end() const noexcept {
    return made_ == nullptr ? Iterator{} : made_->end();
  }
  [[nodiscard]] std::size_t size() const noexcept { return made_ == nullptr ? 0 : made_->size(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] Iterator find(const auto& key) const {
    return made_ == nullptr ? Iterator{} : made_->find(key);
  }
  [[nodiscard]] bool contains(const auto& key) const {
    return made_ != nullptr && made_->contains(key);
  }

  template <class... Parts>
  auto emplace(Parts&&... parts) {
    return make().emplace(std::forward<Parts>(parts)...);
  }
  template <class Key, class... Parts>
  auto try_emplace(Key&& key, Parts&&... parts) {
    return make().try_emplace(std::forward<Key>(key), std::forward<Parts>(parts)...);
  }
  template <class Key, class Value>
  void insert_or_assign(Key&& key, Value&& value) {
    make().insert_or_assign(std::forward<Key>(key), std::forward<Value>(value));
  }
  /// Of an iterator or a key.
  void erase(const auto& what) {
    if (made_ != nullptr) made_->erase(what);
  }
  void erase_if(const auto& is_over) {
    if (made_ != nullptr) std::erase_if(*made_, is_over);
  }

 private:
  [[nodiscard]] Container& make() {
    if (made_ == nullptr) made_ = std::make_unique<Container>();
    return *made_;
  }

  std::unique_ptr<Container> made_;
};

}  // namespace backstage
