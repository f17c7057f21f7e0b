#include "core/broadcast.hpp"

#include <new>

namespace backstage {
void Hearing::Entry::leave() noexcept {
  if (broadcast == nullptr) return;
  broadcast->drop(counts);
  broadcast = nullptr;
  copy.payload = Payload();
}

void Hearing::Entries::leave_all() noexcept {
  for (; used_count > 0; --used_count) all[used[used_count - 1]].leave();
}

// Most threads hear nothing: made with the first delivery, ended with the thread.
Hearing::Entries& Hearing::make_mine() {
  struct AtEnd {
    std::unique_ptr<Entries> entries = std::make_unique<Entries>();
    ~AtEnd() { mine_ = nullptr; }
  };
  static thread_local const AtEnd at_end;
  mine_ = at_end.entries.get();
  return *mine_;
}

void Hearing::take_up(Entry& entry, Broadcast& broadcast) {
  entry.copy = broadcast.said;
  broadcast.add(1);
  if (entry.broadcast != nullptr) {
    entry.broadcast->drop(entry.counts);
  } else {
    const auto at = &entry - mine_->all.data();
    mine_->used[mine_->used_count++] = static_cast<std::uint8_t>(at);
  }
  entry.broadcast = &broadcast;
  entry.counts = 1;
}

void Hearing::flush() noexcept {
  if (mine_ != nullptr) mine_->leave_all();
}

EnvelopePtr Delivery::alone() const {
  EnvelopePtr envelope(new Envelope(broadcast->said));
  envelope->id = id;
  envelope->life = life;
  envelope->subscription = subscription;
  envelope->next = nullptr;
  return envelope;
}

EnvelopePtr Delivery::try_alone() const noexcept {
  try {
    return alone();
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace backstage
