#include "daemon/gateway/outbox.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "daemon/wire/batch.hpp"

namespace backstage::gateway {
namespace {

std::uint64_t bytes_of(const Outgoing& message) noexcept {
  return message.control.size() + (message.payload == nullptr ? 0 : message.payload->size());
}

std::uint32_t answers_of(const auto& waiting) noexcept {
  const auto* const pack = std::get_if<Pack>(&waiting);
  return pack == nullptr ? 1 : pack->answers();
}

// What an entry costs beside its text.
constexpr std::uint64_t entry_bytes = 256;

std::uint64_t cost_of(const auto& waiting) noexcept {
  if (const auto* const pack = std::get_if<Pack>(&waiting)) return entry_bytes + pack->bytes();
  const auto& single = std::get<0>(waiting);
  return entry_bytes + single.control.size() + single.payload.size();
}

// Of a subscription: sub 0 is mail to the client's own name.
bool is_delivery(std::string_view message) noexcept {
  return message.starts_with("GAP ") ||
         (message.starts_with("MSG ") && !message.starts_with("MSG 0 "));
}

void unpack(const Pack& pack, std::list<Outbox::Single>& out) {
  if (pack.empty()) return;
  auto reader = wire::BatchReader::open(pack.entries(), pack.count());
  while (const auto message = reader ? reader->next() : std::nullopt) {
    if (is_delivery(*message)) continue;
    const auto end = message->find('\n');
    const bool has_payload = end != std::string_view::npos;
    out.push_back({std::string(message->substr(0, end)),
                   has_payload ? Payload(message->substr(end + 1)) : Payload(), has_payload});
  }
}

}  // namespace

SendResult Outbox::hand_over(std::span<const OutFrame> frames, std::uint32_t messages) {
  const auto result = house_.transport.send(peer_, frames);
  if (result == SendResult::sent) house_.counters.messages_out.add(messages);
  if (result == SendResult::would_block) house_.counters.would_block.add();
  return result;
}

SendResult Outbox::send(const Outgoing& message) {
  if (message.payload == nullptr) return hand_over(std::array{OutFrame{message.control}}, 1);
  const Payload& payload = *message.payload;
  if (!is_one_frame_) {
    return hand_over(
        std::array{OutFrame{message.control}, OutFrame{payload.text(), payload.buffer()}}, 1);
  }
  // One frame is one piece of memory, so the payload is copied into it.
  if (payload.size() < frame_adopt_bytes_min) {
    return hand_over(std::array{OutFrame{message.control, nullptr, payload.text()}}, 1);
  }
  // Once: the transport shares what was joined here.
  std::byte* bytes = nullptr;
  PayloadBuffer* const joined =
      Payload::allocate(message.control.size() + 1 + payload.size(), &bytes);
  const Payload owner = Payload::adopt(joined);
  std::memcpy(bytes, message.control.data(), message.control.size());
  bytes[message.control.size()] = std::byte{'\n'};
  std::memcpy(bytes + message.control.size() + 1, payload.data(), payload.size());
  return hand_over(std::array{OutFrame{owner.text(), joined}}, 1);
}

SendResult Outbox::send(Pack& pack) {
  const auto result = hand_over(pack.frames(is_one_frame_), pack.count());
  if (result == SendResult::sent && pack.count() > 1) house_.counters.batches_out.add();
  return result;
}

SendResult Outbox::send(Waiting& waiting) {
  if (auto* const pack = std::get_if<Pack>(&waiting)) return send(*pack);
  const Single& single = std::get<Single>(waiting);
  return send({single.control, single.has_payload ? &single.payload : nullptr});
}

bool Outbox::is_over_reserve(const Outgoing& message) const noexcept {
  if (waiting_.empty()) return false;
  const auto& limits = house_.options.limits;
  const auto collected = pack_ == nullptr ? 0 : pack_->answers();
  return waiting_answers_ + collected >= limits.outbox_entries_max + expected_answers_ ||
         waiting_bytes_ + collected_bytes() + bytes_of(message) > limits.session_bytes_max;
}

Outbox::Put Outbox::put(const Outgoing& message) {
  if (is_over_reserve(message)) return Put::full;
  if (is_batching_) {
    if (make_room_for(message) == SendResult::gone) return Put::gone;
    if (Pack::takes(message)) {
      collect(message, true);
      return Put::done;
    }
  }
  if (waiting_.empty()) {
    const auto result = send(message);
    if (result == SendResult::sent) return Put::done;
    if (result == SendResult::gone) return Put::gone;
  }
  keep(Single{std::string(message.control),
              message.payload == nullptr ? Payload() : *message.payload,
              message.payload != nullptr});
  return Put::done;
}

void Outbox::expect(std::uint32_t answers) noexcept {
  constexpr std::uint32_t most = batches_waiting_max * wire::batch_entries_max;
  expected_answers_ = std::min(most, (waiting_.empty() ? 0 : expected_answers_) + answers);
}

SendResult Outbox::deliver(const Outgoing& message) {
  if (!waiting_.empty()) return SendResult::would_block;
  if (!is_batching_) return send(message);
  if (const auto made = make_room_for(message); made != SendResult::sent) return made;
  if (!Pack::takes(message)) return send(message);
  collect(message, false);
  return SendResult::sent;
}

// What was collected goes first if the message does not go with it.
SendResult Outbox::make_room_for(const Outgoing& message) {
  const bool has_room = !has_collected() || pack_->has_room_for(message);
  return Pack::takes(message) && has_room ? SendResult::sent : close_pack();
}

void Outbox::collect(const Outgoing& message, bool is_answer) {
  if (pack_ == nullptr) pack_ = std::make_unique<Pack>();
  if (pack_->empty()) pack_->begin(house_.pack_buffers.take());
  pack_->add(message, is_answer);
  if (!waiting_.empty()) return tell_budget();
  if (std::exchange(is_listed_, true)) return;
  house_.collecting.push_back(peer_);
}

// `would_block`: it waits, behind all that waited already.
SendResult Outbox::close_pack() {
  if (!has_collected()) return waiting_.empty() ? SendResult::sent : SendResult::would_block;
  auto result = SendResult::would_block;
  if (waiting_.empty()) result = send(*pack_);
  if (result == SendResult::would_block) {
    keep(std::exchange(*pack_, Pack()));
  } else {
    house_.pack_buffers.give(pack_->end());
  }
  return result;
}

void Outbox::keep(Waiting waiting) {
  waiting_bytes_ += cost_of(waiting);
  waiting_answers_ += answers_of(waiting);
  waiting_.push_back(std::move(waiting));
  tell_budget();
}

SendResult Outbox::end_turn() {
  is_listed_ = false;
  // Behind what waits it is no hurry: it may still grow.
  return waiting_.empty() ? close_pack() : SendResult::would_block;
}

SendResult Outbox::set_batching(bool is_batching) {
  is_batching_ = is_batching;
  return is_batching ? SendResult::sent : close_pack();
}

SendResult Outbox::flush() {
  while (!waiting_.empty()) {
    Waiting& first = waiting_.front();
    const auto result = send(first);
    if (result != SendResult::sent) return result;
    waiting_bytes_ -= cost_of(first);
    waiting_answers_ -= answers_of(first);
    waiting_.pop_front();
    tell_budget();
  }
  return close_pack();
}

std::list<Outbox::Single> Outbox::take_answers() {
  std::list<Single> taken;
  for (Waiting& one : waiting_) {
    if (auto* const single = std::get_if<Single>(&one)) {
      taken.push_back(std::move(*single));
    } else {
      unpack(std::get<Pack>(one), taken);
    }
  }
  if (pack_ != nullptr) unpack(*pack_, taken);
  clear();
  return taken;
}

void Outbox::clear() noexcept {
  waiting_.clear();
  pack_.reset();
  waiting_bytes_ = 0;
  waiting_answers_ = 0;
  tell_budget();
}

void Outbox::tell_budget() noexcept {
  const std::uint64_t bytes = waiting_.empty() ? 0 : waiting_bytes_ + collected_bytes();
  // Of unsigned numbers, so that less wraps to what is taken off.
  house_.counters.clients.bytes.fetch_add(bytes - std::exchange(told_bytes_, bytes),
                                          std::memory_order_relaxed);
}

}  // namespace backstage::gateway
