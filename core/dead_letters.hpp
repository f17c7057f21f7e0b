/// DeadLetters: a bounded ring of messages that could not be handled, each with its reason.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "core/envelope.hpp"
#include "core/observer.hpp"

namespace backstage {

struct DeadLetter {
  MessageId id{};
  DeadCause cause{};
  Kind kind{};
  std::uint32_t attempts = 0;
  std::string sender;
  std::string target;
  std::string type;
  std::string reason;
  Payload payload;
};

class DeadLetters {
 public:
  DeadLetters(std::uint32_t letters_max, std::uint64_t bytes_max)
      : letters_max_(letters_max), bytes_max_(bytes_max) {}
  /// Keeps it; the oldest make room. [any]
  void add(DeadLetter letter);
  /// Copies, oldest first. [any]
  [[nodiscard]] std::vector<DeadLetter> list() const;
  [[nodiscard]] std::size_t size() const;

 private:
  const std::uint32_t letters_max_;
  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  // Guarded by mutex_
  std::deque<DeadLetter> ring_;
  std::uint64_t bytes_ = 0;
};

}  // namespace backstage
