/// Door: lets calls from foreign threads in until it is closed, and closes behind the last of them.
#pragma once
#include <atomic>
#include <cstdint>

namespace backstage::plugin_host {

class Door {
 public:
  /// Held by one call while it is inside.
  class Pass {
   public:
    explicit Pass(Door& door) noexcept : door_(door), is_inside_(door.enter()) {}
    ~Pass() {
      if (is_inside_) door_.leave();
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    [[nodiscard]] bool is_inside() const noexcept { return is_inside_; }

   private:
    Door& door_;
    const bool is_inside_;
  };

  /// Returns when nobody is inside; nobody gets in any more. Not from inside. [loader]
  void close() noexcept;

 private:
  static constexpr std::uint32_t closed = 1U << 31U;

  [[nodiscard]] bool enter() noexcept;
  void leave() noexcept;

  std::atomic<std::uint32_t> inside_{0};  // how many are inside, and the bit `closed`
};

}  // namespace backstage::plugin_host
