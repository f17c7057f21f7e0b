#include "daemon/ctl/load.hpp"

#include <cstring>
#include <future>
#include <random>
#include <thread>
#include <utility>

namespace backstage::ctl {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// What a published payload begins with: whose run it is, and when it was due.
struct Stamp {
  std::uint64_t run = 0;
  std::int64_t due = 0;
};

std::string stamped(std::string payload, const Stamp& stamp) {
  std::memcpy(payload.data(), &stamp, sizeof stamp);
  return payload;
}

// The other end of `pub`: a session and a thread of its own, as a real subscriber has.
class Subscriber {
 public:
  explicit Subscriber(std::uint64_t run) : run_(run) {}

  // Returns when it is subscribed.
  Outcome<void> begin(const Options& options) {
    std::promise<Outcome<void>> ready;
    auto begun = ready.get_future();
    thread_ = std::jthread(
        [this, &options, &ready](const std::stop_token& stop) { listen(options, ready, stop); });
    return begun.get();
  }
  // Waits until all of `sent` have come or are known to be lost, or for `quiet` nothing came.
  Heard end(std::uint64_t sent, milliseconds quiet) {
    auto seen = accounted_.load();
    auto until = LoadClock::now() + quiet;
    while (seen < sent && LoadClock::now() < until && !was_interrupted()) {
      // Another thread counts; this one only looks whether it is done.
      std::this_thread::sleep_for(milliseconds{5});
      const auto now = accounted_.load();
      if (now != seen) until = LoadClock::now() + quiet;
      seen = now;
    }
    thread_.request_stop();
    thread_.join();
    return heard_;
  }

 private:
  void listen(const Options& options, std::promise<Outcome<void>>& ready,
              const std::stop_token& stop) {
    auto own = options;
    own.traffic.name.clear();
    const auto opened = open_session(own);
    if (!opened) return ready.set_value(std::unexpected(opened.error()));
    auto& session = **opened;
    const auto got = session.subscribe(
        options.traffic.targets.front(), {}, [this](const client::message& it) { take(it); },
        [this](const client::gap& it) {
          ++heard_.gaps;
          heard_.lost += it.last - it.first + 1;
          accounted_ += it.last - it.first + 1;
        });
    if (!got) {
      return ready.set_value(std::unexpected(fault_of_message(got.error(), session.endpoint())));
    }
    ready.set_value({});
    while (!stop.stop_requested()) session.poll(milliseconds{20});
  }
  void take(const client::message& it) {
    Stamp stamp;
    if (it.payload.size() < sizeof stamp) return;
    std::memcpy(&stamp, it.payload.data(), sizeof stamp);
    if (stamp.run != run_) return;
    heard_.latency.add(LoadClock::now().time_since_epoch() - nanoseconds{stamp.due});
    ++heard_.messages;
    ++accounted_;
  }

  const std::uint64_t run_;
  Heard heard_{};  // the thread's, until it is joined
  std::atomic<std::uint64_t> accounted_{0};
  std::jthread thread_{};
};

class Generator {
 public:
  Generator(const Options& options, client::connection& session, std::uint64_t run)
      : options_(options), session_(session), run_(run) {
    const auto least = traffic_.load == "pub" ? sizeof(Stamp) : std::size_t{0};
    payload_.assign(std::max<std::size_t>(traffic_.size, least), 'x');
    rate_ = traffic_.rate.value_or(rate_default);
    result_.rate = rate_;
    duration_ = traffic_.duration;
    if (duration_.count() == 0 && traffic_.count == 0) duration_ = duration_default;
  }

  // One message whose fate says whether the load makes sense at all.
  Outcome<void> try_one() {
    const auto& target = traffic_.targets.front();
    std::optional<client::error> why;
    if (traffic_.load == "send") {
      why = error_in(session_.send(target, payload_, {.type = traffic_.type}));
    } else if (traffic_.load == "req") {
      why = error_in(
          session_.request(target, payload_, {.type = traffic_.type, .timeout = options_.timeout}));
    } else {
      // Another's name, and none of this run's.
      why = error_in(session_.publish(target, payload_, {.type = traffic_.type}));
    }
    if (!why) return {};
    return std::unexpected(fault_of_message(*why, session_.endpoint()));
  }

  LoadResult run() {
    begun_ = LoadClock::now();
    const auto end = duration_.count() > 0 ? begun_ + duration_ : LoadClock::time_point::max();
    const auto wanted = traffic_.count == 0 ? UINT64_MAX : traffic_.count;
    while (result_.sent < wanted && LoadClock::now() < end && !was_interrupted()) {
      while (result_.sent < wanted && under_way_ < traffic_.outstanding &&
             due_at(result_.sent) <= LoadClock::now()) {
        send_next();
      }
      // The milliseconds of poll() are too coarse for the last one.
      const auto left = std::min(due_at(result_.sent), end) - LoadClock::now();
      const bool is_waiting = under_way_ >= traffic_.outstanding;
      session_.poll(is_waiting ? milliseconds{20}
                               : std::max(milliseconds{0}, std::chrono::floor<milliseconds>(left) -
                                                               milliseconds{1}));
    }
    const auto stopped = std::min(LoadClock::now(), end);
    result_.due =
        std::min(wanted, rate_ > 0 ? static_cast<std::uint64_t>(rate_ * seconds(stopped - begun_))
                                   : result_.sent);
    result_.due = std::max(result_.due, result_.sent);
    wait_for_the_rest();
    result_.took = LoadClock::now() - begun_;
    result_.unanswered += under_way_;
    return result_;
  }

 private:
  // From Ctrl-C on a moment only, whenever it comes: what is under way has its answer by then, if
  // anybody answers at all.
  void wait_for_the_rest() {
    auto patience = LoadClock::now() + options_.timeout;
    for (bool is_cut_short = false; under_way_ > 0 && LoadClock::now() < patience;) {
      if (was_interrupted() && !std::exchange(is_cut_short, true)) {
        patience = std::min(patience, LoadClock::now() + farewell_max);
      }
      session_.poll(milliseconds{20});
    }
  }
  static constexpr double rate_default = 1'000;
  static constexpr milliseconds duration_default{10'000};
  static constexpr milliseconds farewell_max{1'000};

  static std::optional<client::error> error_in(const client::outcome<client::reply>& got) {
    return got ? std::nullopt : std::optional(got.error());
  }
  static double seconds(LoadClock::duration time) {
    return std::chrono::duration<double>(time).count();
  }
  // As fast as it goes: everything is due at once.
  [[nodiscard]] LoadClock::time_point due_at(std::uint64_t number) const {
    if (rate_ <= 0) return begun_;
    return begun_ + std::chrono::duration_cast<LoadClock::duration>(
                        std::chrono::duration<double>(static_cast<double>(number) / rate_));
  }
  void send_next() {
    const auto due = rate_ > 0 ? due_at(result_.sent) : LoadClock::now();
    const auto told = [this, due](const auto& got) { take(error_in(got), due); };
    const auto& target = traffic_.targets.front();
    ++result_.sent;
    ++under_way_;
    client::command it{traffic_.load == "req" ? "REQ" : "SEND", target, payload_, {}};
    if (traffic_.load == "pub") {
      it.verb = "PUB";
      it.payload = stamped(payload_, {run_, nanoseconds(due.time_since_epoch()).count()});
    }
    it.with = {.type = traffic_.type, .timeout = options_.timeout};
    session_.start(std::move(it), told);
  }
  void take(const std::optional<client::error>& why, LoadClock::time_point due) {
    --under_way_;
    if (!why) {
      ++result_.taken;
      return result_.latency.add(LoadClock::now() - due);
    }
    result_.exit = worse(result_.exit, fault_of_message(*why, {}).exit);
    if (why->number == 0) {
      ++result_.unanswered;
    } else {
      ++result_.refused[std::to_string(why->number) + ' ' + why->token];
    }
  }

  const Options& options_;
  const Traffic& traffic_ = options_.traffic;
  client::connection& session_;
  const std::uint64_t run_;
  std::string payload_;
  double rate_ = 0;
  milliseconds duration_{0};
  LoadClock::time_point begun_{};
  std::uint32_t under_way_ = 0;
  LoadResult result_{};
};

}  // namespace

Outcome<LoadResult> run_load(const Options& options) {
  const std::uint64_t run = std::random_device{}() * std::uint64_t{0x9E3779B97F4A7C15};
  const auto session = open_session(options);
  if (!session) return std::unexpected(session.error());
  Subscriber subscriber(run);
  Generator generator(options, **session, run);
  if (auto tried = generator.try_one(); !tried) return std::unexpected(tried.error());
  const bool is_pub = options.traffic.load == "pub";
  if (is_pub) {
    if (auto begun = subscriber.begin(options); !begun) return std::unexpected(begun.error());
  }
  auto result = generator.run();
  if (is_pub) result.heard = subscriber.end(result.taken, milliseconds{2'000});
  if (result.unanswered > 0) result.exit = worse(result.exit, exit_code::unavailable);
  return result;
}

}  // namespace backstage::ctl
