#include "daemon/signals.hpp"

#include <signal.h>
#include <time.h>

#include <cerrno>

namespace backstage::daemon {
namespace {

sigset_t taken() noexcept {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

Intent intent_of(int number) noexcept {
  if (number == SIGHUP) return Intent::reload;
  return number > 0 ? Intent::stop : Intent::none;
}

}  // namespace

Signals::Signals() {
  const sigset_t set = taken();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
}

Intent Signals::wait() {
  const sigset_t set = taken();
  int number = -1;
  do {
    number = ::sigwaitinfo(&set, nullptr);
  } while (number < 0 && errno == EINTR);
  return intent_of(number);
}

Intent Signals::wait_for(std::chrono::milliseconds time) {
  const sigset_t set = taken();
  const timespec limit{static_cast<time_t>(time.count() / 1000),
                       static_cast<long>(time.count() % 1000) * 1'000'000};
  return intent_of(::sigtimedwait(&set, nullptr, &limit));
}

}  // namespace backstage::daemon
