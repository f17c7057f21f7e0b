#include "core/dead_letters.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace backstage {

std::string_view token(DeadCause cause) noexcept {
  constexpr std::array<std::string_view, dead_cause_count> tokens{"failed", "stopped", "parked"};
  return tokens[static_cast<std::size_t>(cause)];
}

bool LetterQuery::takes(const DeadLetter& letter) const noexcept {
  return (!id || *id == letter.id) && (!cause || *cause == letter.cause) &&
         (!target || *target == letter.target) && (!sender || *sender == letter.sender);
}

// The oldest make room; one letter is always kept. They are destroyed by the caller, once it holds
// no lock.
std::vector<LetterPtr> DeadLetters::shrink(Ring& ring) const {
  std::vector<LetterPtr> fallen;
  auto& counts = ring.counts;
  while (counts.kept > letters_max_ || (counts.bytes > bytes_max_ && counts.kept > 1)) {
    counts.bytes -= ring.letters.front()->bytes();
    --counts.kept;
    ++counts.fell_out;
    fallen.push_back(std::move(ring.letters.front()));
    ring.letters.pop_front();
  }
  return fallen;
}

void DeadLetters::add(DeadLetter letter) {
  const auto made = std::make_shared<DeadLetter>(std::move(letter));
  std::vector<LetterPtr> fallen;
  const std::lock_guard lock(mutex_);
  made->number = ++last_number_;
  Ring& ring = ring_of(made->cause);
  ring.letters.push_back(made);
  ++ring.counts.buried;
  ++ring.counts.kept;
  ring.counts.bytes += made->bytes();
  fallen = shrink(ring);
}

std::vector<LetterPtr> DeadLetters::select(const LetterQuery& query) const {
  std::vector<LetterPtr> all;
  {
    const std::lock_guard lock(mutex_);
    for (const Ring& ring : rings_) {
      all.insert(all.end(), ring.letters.begin(), ring.letters.end());
    }
  }
  std::erase_if(all, [&](const LetterPtr& letter) { return !query.takes(*letter); });
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a->number < b->number; });
  return all;
}

std::uint64_t DeadLetters::drop(const LetterQuery& query) {
  std::vector<LetterPtr> dropped;
  const std::lock_guard lock(mutex_);
  for (Ring& ring : rings_) {
    std::deque<LetterPtr> kept;
    for (LetterPtr& letter : ring.letters) {
      if (!query.takes(*letter)) {
        kept.push_back(std::move(letter));
        continue;
      }
      ring.counts.bytes -= letter->bytes();
      --ring.counts.kept;
      ++ring.counts.dropped;
      dropped.push_back(std::move(letter));
    }
    ring.letters = std::move(kept);
  }
  return dropped.size();
}

bool DeadLetters::take(const DeadLetter& letter) {
  LetterPtr taken;
  const std::lock_guard lock(mutex_);
  Ring& ring = ring_of(letter.cause);
  const auto place = std::ranges::lower_bound(ring.letters, letter.number, {}, &DeadLetter::number);
  if (place == ring.letters.end() || (*place)->number != letter.number) return false;
  taken = std::move(*place);
  ring.letters.erase(place);
  --ring.counts.kept;
  ring.counts.bytes -= letter.bytes();
  return true;
}

void DeadLetters::settle_replayed(const DeadLetter& letter) {
  const std::lock_guard lock(mutex_);
  ++ring_of(letter.cause).counts.replayed;
}

void DeadLetters::put_back(LetterPtr letter) {
  std::vector<LetterPtr> fallen;
  const std::lock_guard lock(mutex_);
  Ring& ring = ring_of(letter->cause);
  ++ring.counts.kept;
  ring.counts.bytes += letter->bytes();
  const auto place =
      std::ranges::lower_bound(ring.letters, letter->number, {}, &DeadLetter::number);
  ring.letters.insert(place, std::move(letter));
  fallen = shrink(ring);
}

LetterCounts DeadLetters::counts(DeadCause cause) const {
  const std::lock_guard lock(mutex_);
  return rings_[static_cast<std::size_t>(cause)].counts;
}

std::uint64_t DeadLetters::size() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t all = 0;
  for (const Ring& ring : rings_) all += ring.counts.kept;
  return all;
}

}  // namespace backstage
