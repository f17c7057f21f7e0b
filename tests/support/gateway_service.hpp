// GatewayService: an engine with workers and a gateway over real sockets, on loopback and free
// ports.
#pragma once
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"
#include "daemon/gateway/gateway.hpp"

namespace backstage::gateway::test {

class QuietObserver final : public Observer {
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

class QuietEvents final : public Events {
 public:
  void session_opened(std::string_view, const Peer&) noexcept override {}
  void session_detached(std::string_view, std::chrono::seconds) noexcept override {}
  void session_resumed(std::string_view, const Peer&) noexcept override {}
  void session_ended(std::string_view, EndReason) noexcept override {}
  void peer_refused(PeerId, std::string_view) noexcept override {}
  void ingest_refused(wire::Status, std::string_view) noexcept override {}
  void ingest_stalled(std::string_view) noexcept override {}
  void ingest_resumed() noexcept override {}
  void filter_refused(std::string_view) noexcept override {}
  void connection_refused(std::string_view, std::string_view) noexcept override {}
  void principal_revoked(std::string_view, std::size_t) noexcept override {}
  void connection_cut(std::string_view, std::string_view) noexcept override {}
  void gate_closed(std::size_t) noexcept override {}
  void gate_opened(std::size_t) noexcept override {}
  void trouble(std::string_view) noexcept override {}
};

// Actors that do what a function says, on the workers.
class FunctionFactory final : public ActorFactory {
 public:
  using Handler = std::function<Outcome(Context&, const Envelope&)>;
  explicit FunctionFactory(Handler handler) : handler_(std::move(handler)) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context&, std::string_view) override {
    return std::make_unique<FunctionActor>(handler_);
  }

 private:
  class FunctionActor final : public Actor {
   public:
    explicit FunctionActor(const Handler& handler) : handler_(handler) {}
    Outcome receive(Context& context, const Envelope& envelope) override {
      return handler_(context, envelope);
    }
    void ended(Context&, EndReason) noexcept override {}

   private:
    Handler handler_;
  };
  Handler handler_;
};

class GatewayService {
 public:
  explicit GatewayService(Options options = loopback())
      : engine({clock, pool, pool, faults, observer}, {}),
        gateway(engine, clock, std::move(options), events) {
    pool.start(1, [this](TimePoint now) { return engine.fire_due(now); });
  }
  ~GatewayService() {
    gateway.stop();
    engine.close_intake();
    engine.stop_all();
    pool.stop();
  }

  static Options loopback() {
    Options options;
    options.epoch = "e10e9ffb";
    options.cmd = {{"tcp://127.0.0.1:*"}};
    options.pub = {{"tcp://127.0.0.1:*"}};
    options.ingest = {{"tcp://127.0.0.1:*"}};
    // The same tests hold for both ways in.
    const char* const plain = std::getenv("BACKSTAGED_PLAIN_ZMTP");
    options.is_plain_by_libzmq = plain != nullptr && std::string_view(plain) == "libzmq";
    return options;
  }
  // An actor under its type's name.
  void add(const std::string& name, FunctionFactory::Handler handler, MailboxLimits mailbox = {}) {
    ActorType type;
    type.name = name;
    type.factory = std::make_shared<FunctionFactory>(std::move(handler));
    type.mailbox = mailbox;
    (void)engine.add_type(std::move(type));
    (void)engine.spawn({.type = name, .name = name});
  }

  MonotonicClock clock;
  WorkerPool pool{clock};
  NoFaults faults;
  QuietObserver observer;
  QuietEvents events;
  Engine engine;
  Gateway gateway;
};

}  // namespace backstage::gateway::test
