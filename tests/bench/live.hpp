// An engine on real threads for the in-process benchmarks: production parts, nothing switched off.
#pragma once
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"
#include "tests/bench/give_up.hpp"

namespace backstage::bench {

template <class T>
T must(Result<T> result, std::string_view what) {
  if (!result) [[unlikely]]
    give_up(what, sentence(result.error()));
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

class Strict final : public Observer {
 public:
  void spawned(ActorId, std::string_view, std::string_view) noexcept override {}
  void started(ActorId, std::string_view, std::string_view) noexcept override {}
  void failed(ActorId, std::string_view name, std::string_view reason) noexcept override {
    give_up(name, reason);
  }
  void restarting(ActorId, std::string_view, Duration) noexcept override {}
  void abandoned(ActorId, std::string_view name) noexcept override { give_up(name, "abandoned"); }
  void parked(ActorId, std::string_view, std::string_view) noexcept override {}
  void ended(ActorId, std::string_view, EndReason) noexcept override {}
  void dead_letter(DeadCause cause, std::string_view target, std::string_view) noexcept override {
    give_up(target, token(cause));
  }
};

using Made = std::expected<std::unique_ptr<Actor>, Failure>;

template <class Make>
class MakeFactory final : public ActorFactory {
 public:
  explicit MakeFactory(Make make) : make_(std::move(make)) {}
  Made create(Context& context, std::string_view config) override { return make_(context, config); }

 private:
  Make make_;
};

// The peers' mailboxes are unbounded; ours stay bounded, but wide enough never to refuse.
inline constexpr MailboxLimits wide{10'000'000, std::uint64_t{16} << 30U};

struct Live {
  explicit Live(long workers) : pool(clock), engine({clock, pool, pool, faults, observer}, {}) {
    pool.start(static_cast<std::uint32_t>(workers),
               [this](TimePoint now) { return engine.fire_due(now); });
  }
  ~Live() { pool.stop(); }

  /// `make` is Made(Context&, std::string_view config).
  template <class Make>
  void type(std::string name, Make make) {
    ActorType type;
    type.name = std::move(name);
    type.factory = std::make_shared<MakeFactory<Make>>(std::move(make));
    type.mailbox = wide;
    must(engine.add_type(std::move(type)), "a type");
  }
  ActorId spawn(std::string_view type, std::string_view name, std::string_view config = {}) {
    return must(engine.spawn({.type = type, .name = name, .config = config}), name).id;
  }

  MonotonicClock clock;
  WorkerPool pool;
  NoFaults faults;
  Strict observer;
  Engine engine;
};

/// One message to one actor, or the end of the program. [actor]
inline void tell(Context& context, ActorId to, std::string_view type, std::string_view body = {}) {
  (void)must(context.send(to, type, body), "a send");
}

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
