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
#include <unordered_map>
#include <vector>

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
    std::uint64_t seq = 0;         ///< of a GAP its first; 0: acknowledged before its turn
    std::uint64_t gap_last = 0;    ///< 0: a message
    std::unique_ptr<Copy> copy{};  ///< if it may have to be sent again

    /// By an ACK of its address, while others before it are in flight.
    [[nodiscard]] bool is_acknowledged() const noexcept { return seq == 0; }
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
  /// its address's GAP since the last message widens it.
  void add(Sent sent);
  /// All up to and with the last message of that number. In `one_order`, of a single address, the
  /// number may also lie in a GAP or have been acknowledged: then all below it are meant. Nothing
  /// sent after `turn_max` is. False: that changed nothing.
  bool acknowledge(std::uint64_t seq, bool one_order, std::uint64_t turn_max = any_turn);
  /// Of that address alone, all up to and with the last that ends at or below the number. The
  /// others stay in flight. An ACK costs as much as it covers, not as is in flight; the first one
  /// reads the whole book once. False: that changed nothing.
  bool acknowledge_of(std::string_view address, std::uint64_t seq);
  /// Messages that cannot be sent again are not in flight any more: nobody will acknowledge them.
  void forget_marks();
  void forget_marks_and_gaps();

  /// In the order sent, with some that are acknowledged already: never more than were in flight
  /// when the book was last put in order, and a few.
  [[nodiscard]] const std::deque<Sent>& in_flight() const noexcept { return in_flight_; }
  /// Null: acknowledged, or never sent.
  [[nodiscard]] const Sent* find(std::uint64_t turn) const noexcept;
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  /// What the book holds, as counted against the session's budget.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  // One in flight, in the list of its address. `floor`: no later one of the list ends below it, so
  // that the floors rise, and what an ACK covers is the list's beginning.
  struct Place {
    std::uint64_t turn = 0;
    std::uint64_t floor = 0;
  };
  struct Places {
    std::vector<Place> all{};
    std::size_t first = 0;  // those before it are not in flight any more
  };

  [[nodiscard]] bool widen(const Sent& gap) noexcept;
  void put(Sent sent);
  void index(const Sent& sent);
  static void drop_first(Places& places) noexcept;
  [[nodiscard]] std::size_t at(std::uint64_t turn) const noexcept;
  void uncount(const Sent& sent) noexcept;
  void take_first() noexcept;
  void take_acknowledged() noexcept;
  void put_in_order();
  void forget_if(bool (*is_forgotten)(const Sent&));

  std::uint32_t messages_max_ = 0;
  std::size_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::deque<Sent> in_flight_;
  bool is_indexed_ = false;  // once an ACK has named an address: most never do
  std::unordered_map<std::string_view, Places> by_address_;
  std::size_t acknowledged_ = 0;  // of in_flight_
  std::size_t tidy_size_ = 0;     // of in_flight_, when it was put in order
};

}  // namespace backstage::gateway
