/// HungReporter: what the overseer finds, as lines of the log, with the stack of the hung thread.
#pragma once
#include "core/hung_turn.hpp"
#include "daemon/crash_reporter.hpp"
#include "daemon/log.hpp"
#include "daemon/stack_trace.hpp"

namespace backstage::daemon {

class HungReporter final : public HungHandler {
 public:
  explicit HungReporter(Log& log) : log_(log) {}

  // [overseer]
  void hung(const HungTurn& turn) noexcept override;
  void returned(const HungTurn& turn) noexcept override;
  void short_of_workers(std::uint32_t able, std::uint32_t wanted) noexcept override;
  void thread_begins() noexcept override {
    StackTracer::admit_this_thread();
    CrashReporter::admit_this_thread();
  }

 private:
  Log& log_;
  LogSite turns_;  // an actor that is always too slow tells of each turn
  StackTracer tracer_;
};

}  // namespace backstage::daemon
