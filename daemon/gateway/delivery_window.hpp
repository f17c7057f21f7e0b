/// DeliveryWindow: what one subscription was sent and its client has not acknowledged yet.
///
/// Pure book-keeping: it neither sends nor holds back; who does asks it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string_view>

#include "core/name_ref.hpp"
#include "core/values/payload.hpp"

namespace backstage::gateway {

class DeliveryWindow {
 public:
  /// What it takes to send a message again.
  struct Copy {
    NameRef sender;
    NameRef type;
    Payload payload;
    bool is_snapshot = false;
  };
  struct Sent {
    std::uint64_t turn = 0;        ///< rises with each delivery of the session
    std::string_view address{};    ///< lives as long as the engine
    std::uint64_t seq = 0;         ///< of a GAP its first
    std::uint64_t gap_last = 0;    ///< 0: a message
    std::unique_ptr<Copy> copy{};  ///< if it may have to be sent again
  };
  /// Of a message beside its payload, in bytes(); a mark without a copy counts as little.
  static constexpr std::uint64_t copy_bytes = 256;
  static constexpr std::uint64_t mark_bytes = 32;
  static constexpr std::uint64_t any_turn = std::numeric_limits<std::uint64_t>::max();

  /// Messages that may be in flight; 0: any number.
  void set_messages_max(std::uint32_t messages) noexcept { messages_max_ = messages; }
  [[nodiscard]] bool is_full() const noexcept {
    return messages_max_ != 0 && messages_ >= messages_max_;
  }
  [[nodiscard]] std::uint32_t messages_max() const noexcept { return messages_max_; }

  /// One more in flight, its turn above all earlier ones. A GAP does not count; one that continues
  /// a GAP since the last message widens it.
  void add(Sent sent);
  /// All up to and with the last message of that number. In `one_order`, of a single address, the
  /// number may also lie in a GAP or have been acknowledged: then all below it are meant. Nothing
  /// sent after `turn_max` is. False: that changed nothing.
  bool acknowledge(std::uint64_t seq, bool one_order, std::uint64_t turn_max = any_turn);
  /// What cannot be sent again is not in flight any more: nobody will acknowledge it.
  void forget_marks();

  /// In the order sent.
  [[nodiscard]] const std::deque<Sent>& in_flight() const noexcept { return in_flight_; }
  /// Null: acknowledged, or never sent.
  [[nodiscard]] const Sent* find(std::uint64_t turn) const noexcept;
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  /// What the book holds, as counted against the session's budget.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  [[nodiscard]] bool widen(const Sent& gap) noexcept;
  void take_first() noexcept;

  std::uint32_t messages_max_ = 0;
  std::size_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::deque<Sent> in_flight_;
};

}  // namespace backstage::gateway
