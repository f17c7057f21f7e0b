/// HungReporter: what the overseer finds, as lines of the log, with the stack of the hung thread.
#pragma once
#include "core/hung_turn.hpp"
#include "daemon/crash/reporter.hpp"
#include "daemon/crash/stack_trace.hpp"
#include "daemon/log/log.hpp"

namespace backstage::crash {

class HungReporter final : public HungHandler {
 public:
  explicit HungReporter(log::Log& log) : log_(log) {}

  // [overseer]
  void hung(const HungTurn& turn) noexcept override;
  void returned(const HungTurn& turn) noexcept override;
  void short_of_workers(std::uint32_t able, std::uint32_t wanted) noexcept override;
  void thread_begins() noexcept override {
    StackTracer::admit_this_thread();
    CrashReporter::admit_this_thread();
  }

 private:
  log::Log& log_;
  log::LogSite turns_;  // an actor that is always too slow tells of each turn
  StackTracer tracer_;
};

}  // namespace backstage::crash
