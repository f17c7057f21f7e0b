#include "core/broadcast.hpp"

#include <array>
#include <new>

namespace backstage {
namespace {

// As many publishes of a turn as are handled without losing sight of one of them.
constexpr std::size_t entries_max = 128;

struct Entry {
  Broadcast* broadcast = nullptr;
  std::uint32_t counts = 0;  // that the thread owes: one for the copy, one for each that was heard
  Envelope copy;

  void leave() noexcept {
    if (broadcast == nullptr) return;
    broadcast->drop(counts);
    broadcast = nullptr;
    copy.payload = Payload();
  }
};

struct Entries {
  ~Entries() { leave_all(); }
  void leave_all() noexcept {
    for (; used_count > 0; --used_count) all[used[used_count - 1]].leave();
  }
  std::array<Entry, entries_max> all;
  std::array<std::uint8_t, entries_max> used{};
  std::size_t used_count = 0;
};

constinit thread_local Entries* mine = nullptr;

// Most threads hear nothing: made with the first delivery, ended with the thread.
[[gnu::noinline]] Entries& make_mine() {
  struct AtEnd {
    std::unique_ptr<Entries> entries = std::make_unique<Entries>();
    ~AtEnd() { mine = nullptr; }
  };
  static thread_local const AtEnd at_end;
  mine = at_end.entries.get();
  return *mine;
}

[[gnu::noinline]] void take_up(Entries& entries, std::size_t at, Broadcast& broadcast) {
  Entry& entry = entries.all[at];
  entry.copy = broadcast.said;
  broadcast.add(1);
  if (entry.broadcast != nullptr) {
    entry.broadcast->drop(entry.counts);
  } else {
    entries.used[entries.used_count++] = static_cast<std::uint8_t>(at);
  }
  entry.broadcast = &broadcast;
  entry.counts = 1;
}

}  // namespace

Envelope& Hearing::of(const Delivery& delivery) {
  Entries& entries = mine != nullptr ? *mine : make_mine();
  const std::size_t at = delivery.broadcast->number() % entries_max;
  Entry& entry = entries.all[at];
  if (entry.broadcast != delivery.broadcast) take_up(entries, at, *delivery.broadcast);
  entry.copy.id = delivery.id;
  entry.copy.subscription = delivery.subscription;
  entry.copy.attempts = 0;
  return entry.copy;
}

void Hearing::done(DeliveryPtr delivery) noexcept {
  if (mine == nullptr) return;
  Entry& entry = mine->all[delivery->broadcast->number() % entries_max];
  if (entry.broadcast != delivery->broadcast) return;
  ++entry.counts;
  delivery->broadcast = nullptr;
}

void Hearing::flush() noexcept {
  if (mine != nullptr) mine->leave_all();
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
