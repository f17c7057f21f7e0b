/// Outbox: the way out to one peer. What the transport does not take waits here, in order.
///
/// It never drops: over its reserve it says so, and the session is ended.
///
/// For a client that asked for `batch=1` it collects what comes within one turn of the loop into a
/// Pack, and sends that when the turn ends or the pack is full. A delivery that it has collected is
/// the outbox's: for the ledger it is handled, as one that libzmq holds, and if the transport does
/// not take the pack, the pack waits here as an answer does, at its place in the one order. So of a
/// session's mailbox at most one pack (64 KiB, 1,024 messages) is ever beyond its mailbox; what
/// does not fit in stays there, queued. All of it is [gateway].
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "daemon/gateway/house.hpp"
#include "daemon/gateway/pack.hpp"

namespace backstage::gateway {

class Outbox {
 public:
  /// One message that the transport has not taken.
  struct Single {
    std::string control;
    Payload payload;
    bool has_payload = false;
  };
  enum class Put : std::uint8_t { done, full, gone };

  Outbox(House& house, PeerId peer) noexcept : house_(house), peer_(peer) {}
  /// What waits is given back to the budget.
  ~Outbox() { clear(); }
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// `CTL LF payload` in one frame from now on.
  void set_one_frame(bool one_frame) noexcept { is_one_frame_ = one_frame; }
  /// Whether to collect from now on. What was collected before goes first.
  [[nodiscard]] SendResult set_batching(bool is_batching);

  /// An answer: sent, collected, or kept to be sent. `full` takes nothing.
  [[nodiscard]] Put put(const Outgoing& message);
  /// So many answers come of one command, a BATCH: they do not count as those of a client that
  /// never reads, for up to batches_waiting_max such commands.
  void expect(std::uint32_t answers) noexcept;
  /// A delivery: sent or collected, or left with the caller, who has it in a mailbox.
  [[nodiscard]] SendResult deliver(const Outgoing& message);
  /// The turn of the loop is over: sends what was collected, or lets it wait.
  [[nodiscard]] SendResult end_turn();
  /// The transport takes messages again: sends what waits. `sent`: nothing waits any more.
  [[nodiscard]] SendResult flush();
  /// Nothing waits for the transport. What is being collected does not wait.
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  void clear() noexcept;
  /// The answers that wait or are collected, for another way out to the same client; nothing is
  /// left here. Collected deliveries are no answers: they count as handed to this peer.
  [[nodiscard]] std::list<Single> take_answers();

 private:
  using Waiting = std::variant<Single, Pack>;
  static constexpr std::uint32_t batches_waiting_max = 16;

  [[nodiscard]] SendResult send(const Outgoing& message);
  [[nodiscard]] SendResult send(Pack& pack);
  [[nodiscard]] SendResult send(Waiting& waiting);
  [[nodiscard]] SendResult hand_over(std::span<const OutFrame> frames, std::uint32_t messages);
  [[nodiscard]] bool is_over_reserve(const Outgoing& message) const noexcept;
  [[nodiscard]] SendResult make_room_for(const Outgoing& message);
  [[nodiscard]] SendResult close_pack();
  void collect(const Outgoing& message, bool is_answer);
  void keep(Waiting waiting);
  [[nodiscard]] bool has_collected() const noexcept { return pack_ != nullptr && !pack_->empty(); }
  [[nodiscard]] std::size_t collected_bytes() const noexcept {
    return pack_ == nullptr ? 0 : pack_->bytes();
  }
  void tell_budget() noexcept;

  House& house_;
  const PeerId peer_;
  bool is_one_frame_ = false;
  bool is_batching_ = false;
  bool is_listed_ = false;      // among those who are told of the turn's end
  std::unique_ptr<Pack> pack_;  // behind all that waits; made on first use
  std::list<Waiting> waiting_;  // unlike a deque, an empty one takes no memory
  std::uint64_t waiting_bytes_ = 0;
  std::uint32_t waiting_answers_ = 0;
  std::uint32_t expected_answers_ = 0;
  std::uint64_t told_bytes_ = 0;
};

}  // namespace backstage::gateway
