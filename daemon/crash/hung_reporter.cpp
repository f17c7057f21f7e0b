#include "daemon/crash/hung_reporter.hpp"

#include <chrono>
#include <exception>
#include <string>

#include "daemon/crash/symbols.hpp"

namespace backstage::crash {
namespace {

using namespace std::chrono_literals;

// A thread takes a signal within a scheduler's slice or not at all; the overseer has others to see.
constexpr auto capture_time = 250ms;
// What fits a line of the log beside the other fields.
constexpr std::size_t stack_bytes_max = 1400;

std::int64_t milliseconds(Duration time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time).count();
}

std::string stack_of(const StackTracer& tracer, pthread_t thread) {
  try {
    const auto frames = tracer.capture(thread, capture_time);
    return frames ? stack_text(*frames, stack_bytes_max) : "none: " + frames.error();
  } catch (const std::exception& error) {
    return std::string("none: ") + error.what();
  }
}

}  // namespace

void HungReporter::hung(const HungTurn& turn) noexcept {
  log_.add(
      log::LogLevel::warn, turns_, "turn over its budget: its handler has not returned",
      {{"actor", turn.actor},
       {"type", turn.type},
       {"doing", turn.doing},
       {"for_ms", milliseconds(turn.lasting)},
       {"dispatcher", turn.is_pinned ? "pinned" : "pool"},
       {"next", turn.is_pinned
                    ? "see what it waits for; if that is its work, raise the type's turn_budget"
                    : "see what it waits for; a type that must block wants dispatcher pinned"},
       {"stack", stack_of(tracer_, turn.thread)}});
}

void HungReporter::returned(const HungTurn& turn) noexcept {
  log_.add(log::LogLevel::info, turns_, "turn over its budget has returned",
           {{"actor", turn.actor}, {"type", turn.type}, {"took_ms", milliseconds(turn.lasting)}});
}

void HungReporter::short_of_workers(std::uint32_t able, std::uint32_t wanted) noexcept {
  log_.error("short of workers: more turns hang than there are spare workers",
             {{"able", able},
              {"wanted", wanted},
              {"next", "stop what hangs, or raise spare_workers; all who wait are served late"}});
}

}  // namespace backstage::crash
