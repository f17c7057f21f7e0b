#include "core/dead_letters.hpp"

#include <array>

namespace backstage {

std::string_view token(DeadCause cause) noexcept {
  constexpr std::array<std::string_view, dead_cause_count> tokens{"failed", "stopped", "parked"};
  return tokens[static_cast<std::size_t>(cause)];
}

void DeadLetters::add(DeadLetter letter) {
  const std::lock_guard lock(mutex_);
  bytes_ += letter.payload.size();
  ring_.push_back(std::move(letter));
  while (ring_.size() > letters_max_ || (bytes_ > bytes_max_ && ring_.size() > 1)) {
    bytes_ -= ring_.front().payload.size();
    ring_.pop_front();
  }
}

std::vector<DeadLetter> DeadLetters::list() const {
  const std::lock_guard lock(mutex_);
  return {ring_.begin(), ring_.end()};
}

std::size_t DeadLetters::size() const {
  const std::lock_guard lock(mutex_);
  return ring_.size();
}

}  // namespace backstage
