/// FakeHost: the host side of the plugin ABI on one thread and without an engine. It records what a
/// plugin does and answers as told, so that a plugin's .so is tested by itself.
#pragma once
#include <backstage/plugin.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What an actor sent, published, asked or replied.
struct Outgoing {
  bs_addr to{};
  std::uint64_t corr = 0;
  bs_status status = BS_OK;
  std::string topic;  ///< also: the config of a spawn
  std::string type;
  std::string body;  ///< also: the name of a spawn
  std::uint32_t flags = 0;
  bs_buf* buf = nullptr;
};

struct FakeTimer {
  std::uint64_t delay_ms = 0;
  std::uint64_t period_ms = 0;
};

struct FakeMetric {
  std::string name;
  std::uint32_t kind = 0;
  double value = 0;
};

class FakeHost {
 public:
  FakeHost();
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost();

  /// Opens a plugin and calls its entry. Throws std::runtime_error when it cannot be opened; null
  /// when its entry refuses. The library stays loaded, as sanitizers want.
  const bs_plugin* load(const std::string& path);
  /// The same with a host table that says it is so large.
  const bs_plugin* load_with(const std::string& path, std::size_t struct_size);
  [[nodiscard]] const bs_api* api() const noexcept { return &api_; }

  /// Makes `name` known to resolve and spawn.
  bs_addr add_actor(std::string_view name);
  /// A request of this number waits for its reply.
  void open_request(std::uint64_t corr) { open_requests_.insert(corr); }
  /// The next call of that function is refused with this status.
  void refuse_next(std::string_view function, bs_status status);

  // What happened, oldest first.
  std::vector<Outgoing> sent, published, replied, asked, spawned;
  std::vector<std::string> logged, subscribed, watched;
  std::vector<std::uint64_t> unsubscribed;
  std::vector<bs_addr> monitored, demonitored;
  std::map<std::uint64_t, FakeTimer> timers;
  std::vector<FakeMetric> metrics;
  bs_status error_code = BS_OK;
  std::string error_text;
  bool is_stopped = false;
  std::string state;
  int buffers_alive = 0;
  // How the host is.
  bool offers_extensions = true;
  std::uint16_t abi_major = BS_ABI_MAJOR;
  std::string name = "tested";

 private:
  friend struct HostCalls;
  friend class HostedActor;

  /// BS_OK, or what refuse_next asked for.
  bs_status verdict(std::string_view function);

  bs_api api_{};
  [[maybe_unused]] std::byte beyond_[64]{};  // of a table that says it is larger
  std::map<std::string, bs_status, std::less<>> refusals_;
  std::map<std::string, bs_addr, std::less<>> actors_;
  std::set<std::uint64_t> open_requests_;
  std::uint64_t next_id_ = 1;
};

/// A sink outside of any actor; what is written shows in host.state.
class StateSink {
 public:
  explicit StateSink(FakeHost& host);
  ~StateSink();
  StateSink(const StateSink&) = delete;
  StateSink& operator=(const StateSink&) = delete;
  [[nodiscard]] bs_sink* raw() noexcept { return sink_.get(); }

 private:
  std::unique_ptr<bs_sink> sink_;
};

/// One actor of a loaded type. Its destroy runs with it.
class HostedActor {
 public:
  /// create; the outcome is in `created`.
  HostedActor(FakeHost& host, const bs_plugin* plugin, std::string_view config = {},
              std::size_t type = 0);
  /// load from what a save wrote.
  HostedActor(FakeHost& host, const bs_plugin* plugin, std::uint32_t version,
              std::string_view state);
  HostedActor(const HostedActor&) = delete;
  HostedActor& operator=(const HostedActor&) = delete;
  ~HostedActor();

  bs_status send(std::string_view body, std::string_view type = {});
  bs_status publish(std::string_view address, std::string_view body);
  /// A request; its reply, if there is one yet, is the last in host.replied.
  bs_status request(std::string_view body, std::string_view type = {});
  /// Body of the reply to a request; fails the test when there is not exactly one.
  std::string ask(std::string_view body, std::string_view type = {});
  bs_status receive(bs_msg message);
  /// What a timer, a request and a monitored actor come to.
  bs_status fire(std::uint64_t timer);
  bs_status answer(std::uint64_t corr, std::string_view body, bs_status status = BS_OK);
  bs_status tell_down(bs_addr who, std::string_view name, std::string_view reason);
  /// destroy, before the end of this object.
  void end(std::int32_t reason);
  /// What save writes.
  std::string save();
  bs_status try_save();

  bs_status created = BS_OK;

 private:
  FakeHost& host_;
  const bs_actor_type* type_;
  void* self_ = nullptr;
};
