// An engine on real threads for the in-process benchmarks: production parts, nothing switched off.
#pragma once
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"

namespace backstage::bench {

class Quiet final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view, std::string_view) noexcept override {}
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void abandoned(ActorId, std::string_view) noexcept override {}
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view, EndReason) noexcept override {}
  void dead_letter(DeadCause, std::string_view, std::string_view) noexcept override {}
};

template <class Make>
class MakeFactory final : public ActorFactory {
 public:
  explicit MakeFactory(Make make) : make_(std::move(make)) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view config) override {
    return make_(context, config);
  }

 private:
  Make make_;
};

struct Live {
  explicit Live(std::uint32_t workers)
      : pool(clock), engine({clock, pool, pool, faults, observer}, {}) {
    pool.start(workers, [this](TimePoint now) { return engine.fire_due(now); });
  }
  ~Live() { pool.stop(); }

  template <class Make>
  void type(std::string name, Make make) {
    ActorType type;
    type.name = std::move(name);
    type.factory = std::make_shared<MakeFactory<Make>>(std::move(make));
    // The peers' mailboxes are unbounded; ours stays bounded, but wide enough never to refuse.
    type.mailbox = {10'000'000, std::uint64_t{16} << 30U};
    (void)engine.add_type(std::move(type));
  }

  MonotonicClock clock;
  WorkerPool pool;
  NoFaults faults;
  Quiet observer;
  Engine engine;
};

class Done {
 public:
  void set() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
  }
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

}  // namespace backstage::bench
