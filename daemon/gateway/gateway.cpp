#include "daemon/gateway/gateway.hpp"

#include <fmt/core.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <csignal>
#include <functional>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

#include "core/late_wakes.hpp"
#include "daemon/gateway/front.hpp"
#include "daemon/transport/transports.hpp"

namespace backstage::gateway {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// What the kernel has not taken when the sockets are closed.
constexpr milliseconds linger_max = 250ms;
constexpr milliseconds stop_step = 5ms;
// What BYE 401 has to leave libzmq in, before its connection is cut.
constexpr milliseconds farewell_time = 100ms;
// How long a change of keys or rules may take to reach the loop; else it is said to stand still.
constexpr auto reload_patience = 5s;
// Of turns in a row, before the sockets are looked at again.
constexpr int rounds_max = 2;

// Signals belong to the main thread, but for those of a thread's own faults: blocked, they would
// end the process without a word. A thread inherits what its maker blocks.
std::thread without_signals(auto body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  std::thread thread(std::move(body));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

// On a single core a worker does all that it has before this thread takes the core back, for each
// answer else: a tenth more requests a second, and no later answers. The kernel may refuse.
void yield_to_workers() noexcept {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_COUNT(&allowed) != 1) return;
  const sched_param ordinary{};
  (void)::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &ordinary);
}

Options affordable(Options options) {
  options.limits.connections_max =
      transport::affordable_connections(options.limits.connections_max);
  return options;
}

}  // namespace

/// The running half: exists from a successful bind to the end of stop.
class Gateway::Loop {
 public:
  Loop(Gateway& gateway, std::unique_ptr<transport::Sockets> sockets)
      : clock_(gateway.clock_),
        events_(gateway.events_),
        sockets_(std::move(sockets)),
        ready_([this] { post_turn(); }),
        principals_(gateway.principals_),
        transport_(io_, *sockets_, gateway.counters_, principals_, gateway.events_,
                   gateway.options_, gateway.options_.limits),
        front_(House{gateway.engine_, gateway.clock_, gateway.options_, gateway.events_,
                     gateway.counters_, ready_, transport_, endpoints(), principals_}),
        timer_(io_),
        cut_timer_(io_),
        stop_timer_(io_) {}

  ~Loop() {
    if (is_finished_) return;
    // Never ran: its thread could not be made.
    ready_.own_here();
    front_.begin_stop();
    front_.finish_stop();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] const BoundEndpoints& endpoints() const noexcept { return sockets_->bound(); }
  [[nodiscard]] Result<void> open() { return front_.open(); }

  void start() {
    thread_ = without_signals([this] { run(); });
  }
  void begin_draining(milliseconds within) {
    asio::post(io_, [this, within] {
      front_.begin_draining(within);
      end_burst();
    });
  }
  // Runs `work` on the loop and waits until it is done. False: it was not within the time.
  bool run_there(std::function<void()> work) {
    auto done = std::make_shared<std::promise<void>>();
    asio::post(io_, [this, done, work = std::move(work)] {
      work();
      end_burst();
      done->set_value();
    });
    return done->get_future().wait_for(reload_patience) == std::future_status::ready;
  }
  bool set_keys(policy::AuthorizedKeys keys) {
    return run_there([this, keys = std::move(keys)]() mutable { take_keys(std::move(keys)); });
  }
  bool set_rules(std::vector<policy::Rule> rules) {
    return run_there([this, rules = std::move(rules)]() mutable {
      principals_.set_rules(std::move(rules));
      front_.apply_rules();
      // libzmq alone decides what a SUB socket gets: it gets all of it, or is not there.
      transport_.cut_if(
          [](policy::Door door, const transport::ConnectionBook::Connection& connection) {
            return door == policy::Door::pub && connection.principal != nullptr &&
                   !connection.principal->rights.allows(policy::Right::sub, "*/>");
          });
    });
  }
  // Of its own thread, as all that counts here.
  void ask_beat(Counter& beats) {
    asio::post(io_, [&beats] { beats.add(); });
  }
  void stop(milliseconds flush) {
    asio::post(io_, [this, flush] {
      stop_deadline_ = clock_.now() + flush;
      step_stop();
    });
    thread_.join();
  }

 private:
  enum class Stage : std::uint8_t { serving, saying_bye };

  void run() {
    (void)pthread_setname_np(pthread_self(), "gateway");
    yield_to_workers();
    ready_.own_here();
    LateWakes late_wakes;
    transport_.start(front_, [this] { end_burst(); });
    end_burst();
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        // What it was doing is lost; nobody else may be.
        events_.trouble(error.what());
        transport_.look_at_all();
      }
    }
  }

  void take_keys(policy::AuthorizedKeys keys) {
    const auto lost = principals_.set_keys(std::move(keys));
    if (lost.empty()) return;
    for (const Principal* principal : lost) front_.revoke(*principal);
    revoked_.insert(revoked_.end(), lost.begin(), lost.end());
    transport_.cut_if(
        [this](policy::Door door, const transport::ConnectionBook::Connection& connection) {
          return door != policy::Door::cmd && is_revoked(connection);
        });
    // BYE has its time to get out. Who comes back under the same name with another key meanwhile is
    // cut as well, and comes back again.
    cut_timer_.expires_after(farewell_time);
    cut_timer_.async_wait([this](const asio::error_code& error) {
      // Set anew, for those who lost their keys since as well.
      if (error) return;
      transport_.cut_if(
          [this](policy::Door, const transport::ConnectionBook::Connection& connection) {
            return is_revoked(connection);
          });
      revoked_.clear();
      transport_.settle();
    });
  }
  [[nodiscard]] bool is_revoked(const transport::ConnectionBook::Connection& connection) const {
    // Who has said nothing yet may have come in by a key that is gone.
    if (connection.principal == nullptr) return connection.is_curve;
    return std::ranges::find(revoked_, connection.principal) != revoked_.end();
  }

  void post_turn() {
    asio::post(io_, [this] { end_burst(); });
  }

  // Everything that was begun is handed on, and what comes of it at once is too: where a worker
  // answers while it is being woken, its answers go out with this burst.
  void end_burst() {
    const ReadyList::Attention attention(ready_);
    bool has_more = false;
    for (int round = 0; round < rounds_max; ++round) {
      has_more = front_.turn();
      wake_workers();
      transport_.settle();
      if (has_more || !attention.has_posted()) break;
    }
    if (has_more && !std::exchange(is_turn_posted_, true)) {
      asio::post(io_, [this] {
        is_turn_posted_ = false;
        end_burst();
      });
    }
    arm();
  }

  static void wake_workers() noexcept {
    if (LateWakes* const late = LateWakes::here(); late != nullptr) late->wake_all();
  }

  void arm() {
    const TimePoint due = front_.due();
    if (due == armed_for_) return;
    armed_for_ = due;
    timer_.expires_after(std::max(Duration::zero(), due - clock_.now()));
    timer_.async_wait([this](const asio::error_code& error) {
      if (error) return;
      armed_for_ = never;
      front_.on_time(clock_.now());
      end_burst();
    });
  }

  // First what is queued is delivered, in half of the time; then everybody is told.
  void step_stop() {
    const TimePoint now = clock_.now();
    (void)front_.turn();
    wake_workers();
    if (stage_ == Stage::serving) {
      const bool is_idle = ready_.empty() && !transport_.has_blocked();
      const Duration left = stop_deadline_ - now;
      if (stop_budget_ == Duration::zero()) stop_budget_ = left;
      if (is_idle || left <= stop_budget_ / 2) {
        stage_ = Stage::saying_bye;
        front_.begin_stop();
      }
    }
    transport_.settle();
    if (stage_ == Stage::saying_bye && (front_.is_stopped() || now >= stop_deadline_)) {
      front_.finish_stop();
      is_finished_ = true;
      transport_.stop(linger_max);
      io_.stop();
      return;
    }
    stop_timer_.expires_after(stop_step);
    stop_timer_.async_wait([this](const asio::error_code& error) {
      if (!error) step_stop();
    });
  }

  const Clock& clock_;
  Events& events_;
  const std::unique_ptr<transport::Sockets> sockets_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  ReadyList ready_;
  Principals& principals_;
  std::vector<const Principal*> revoked_;  // whose connections are to be cut
  transport::Transports transport_;
  Front front_;
  asio::steady_timer timer_;
  asio::steady_timer cut_timer_;
  asio::steady_timer stop_timer_;
  TimePoint armed_for_ = never;
  TimePoint stop_deadline_ = never;
  Duration stop_budget_{};
  Stage stage_ = Stage::serving;
  bool is_turn_posted_ = false;
  bool is_finished_ = false;
  std::thread thread_;
};

Gateway::Gateway(Engine& engine, const Clock& clock, Options options, Events& events)
    : engine_(engine),
      clock_(clock),
      options_(affordable(std::move(options))),
      events_(events),
      principals_(options_, options_.limits) {}

Gateway::~Gateway() { stop(); }

std::expected<BoundEndpoints, StartError> Gateway::start() {
  try {
    auto sockets = std::make_unique<transport::Sockets>(options_, options_.limits, principals_);
    if (auto error = sockets->bind(options_)) return std::unexpected(*std::move(error));
    auto loop = std::make_unique<Loop>(*this, std::move(sockets));
    if (const auto opened = loop->open(); !opened) {
      return std::unexpected(StartError{
          {},
          0,
          fmt::format("the gateway cannot take the name $pub: {}", sentence(opened.error()))});
    }
    loop->start();
    loop_ = std::move(loop);
    return loop_->endpoints();
  } catch (const std::system_error& error) {
    return std::unexpected(
        StartError{{},
                   error.code().value(),
                   fmt::format("the gateway cannot make its sockets: {}; raise the limit of open "
                               "files (`ulimit -n`), or stop what else uses them",
                               error.what())});
  }
}

bool Gateway::set_keys(policy::AuthorizedKeys keys) {
  return loop_ != nullptr && loop_->set_keys(std::move(keys));
}

bool Gateway::set_rules(std::vector<policy::Rule> rules) {
  return loop_ != nullptr && loop_->set_rules(std::move(rules));
}

void Gateway::begin_draining(milliseconds within) {
  if (loop_ != nullptr) loop_->begin_draining(within);
}

void Gateway::ask_beat() {
  if (loop_ != nullptr) loop_->ask_beat(counters_.beats);
}

void Gateway::stop(milliseconds flush) {
  if (loop_ == nullptr) return;
  loop_->stop(flush);
  loop_.reset();
}

}  // namespace backstage::gateway
