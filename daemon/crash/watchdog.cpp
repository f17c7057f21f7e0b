#include "daemon/crash/watchdog.hpp"

#include <algorithm>
#include <charconv>

namespace backstage::crash {
namespace {

std::optional<std::int64_t> number_of(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view digits(text);
  std::int64_t number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) return std::nullopt;
  return number;
}

}  // namespace

Watchdog::Watchdog(Duration interval, std::vector<Part> parts, TimePoint now)
    : interval_(interval),
      parts_(std::move(parts)),
      states_(parts_.size()),
      fed_at_(now),
      next_look_(now) {
  for (auto& state : states_) state.since = now;
}

Watchdog::Verdict Watchdog::look(TimePoint now) {
  Verdict verdict;
  bool is_any_stalled = false;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    State& state = states_[i];
    const Vital vital = parts_[i].look();
    if (!vital.is_wanted || vital.progress != state.progress) {
      state.progress = vital.progress;
      state.since = now;
    }
    const bool is_stalled = now - state.since >= interval_ / 2;
    if (is_stalled && !state.is_stalled) verdict.stalled.push_back(parts_[i].name);
    if (!is_stalled && state.is_stalled) verdict.recovered.push_back(parts_[i].name);
    state.is_stalled = is_stalled;
    is_any_stalled |= is_stalled;
  }
  verdict.feed = !is_any_stalled && (is_starving_ || now - fed_at_ >= interval_ / 2);
  is_starving_ = is_any_stalled;
  if (verdict.feed) fed_at_ = now;
  next_look_ = now + interval_ / 8;
  return verdict;
}

std::optional<Duration> watchdog_interval(const char* usec, const char* pid, std::int64_t own_pid) {
  const auto interval = number_of(usec);
  // An hour is more than any manager waits; it keeps the sum in range.
  constexpr std::int64_t usec_max = std::int64_t{3600} * 1'000'000;
  if (!interval || *interval <= 0) return std::nullopt;
  if (pid != nullptr && number_of(pid) != own_pid) return std::nullopt;
  return std::chrono::microseconds(std::min(*interval, usec_max));
}

}  // namespace backstage::crash
