// abi_call: what the host's adapter adds to a call into a plugin. Nanoseconds a message: a plugin
// actor's Actor::receive, less a direct call of the same C function.
#include <dlfcn.h>

#include <span>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"
#include "tests/bench/plugin/house.hpp"

using namespace backstage;
using namespace backstage::bench;

namespace {

// A second copy of the plugin's file, entered by hand: its functions without a host.
class Direct {
 public:
  explicit Direct(const std::string& file, std::string_view type) {
    void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) give_up(file, ::dlerror(), "build the target bench_programs");
    using Entry = const bs_plugin* (*)(const bs_api*);
    const auto entry = reinterpret_cast<Entry>(::dlsym(library, "backstage_plugin_v1"));
    const bs_plugin* plugin = entry == nullptr ? nullptr : entry(&no_host());
    if (plugin == nullptr) give_up(file, "its entry refused");
    for (std::uint32_t i = 0; i < plugin->type_count; ++i) {
      if (plugin->types[i]->name == type) type_ = plugin->types[i];
    }
    if (type_ == nullptr || type_->create(nullptr, {}, &self_) < 0) give_up(file, "made no actor");
  }
  ~Direct() { type_->destroy(self_, nullptr, BS_END_STOPPED); }
  Direct(const Direct&) = delete;
  Direct& operator=(const Direct&) = delete;

  [[nodiscard]] auto receive() const noexcept { return type_->receive; }
  [[nodiscard]] void* self() const noexcept { return self_; }

 private:
  static const bs_api& no_host() {
    static const bs_api api = [] {
      bs_api table{};
      table.struct_size = sizeof table;
      table.abi_major = BS_ABI_MAJOR;
      table.extension = [](const bs_api*, const char*) -> const void* { return nullptr; };
      table.set_error = [](const bs_api*, std::int32_t, bs_slice) {};
      table.write = [](bs_sink*, bs_slice) -> bs_status { return BS_E_STATE; };
      return table;
    }();
    return api;
  }

  const bs_actor_type* type_ = nullptr;
  void* self_ = nullptr;
};

struct Rounds {
  std::size_t rounds;
  long calls;
  std::vector<double> adapter{};
  std::vector<double> direct{};
  std::vector<double> difference{};
  Done done{};
};

// Its one turn is the measurement, so that the plugin's actor has a context to be called with.
class Caller final : public Actor {
 public:
  Caller(Rounds& rounds, ActorFactory& factory, const Direct& direct)
      : rounds_(rounds), factory_(factory), direct_(direct) {}

  Outcome receive(Context& context, const Envelope& envelope) override {
    auto made = factory_.create(context, {});
    if (!made) return std::unexpected(std::move(made.error()));
    Actor& actor = **made;
    for (std::size_t i = 0; i <= rounds_.rounds; ++i) {
      double ns[2];
      // Who comes first changes, so that neither always finds the caches as the other left them.
      for (const bool is_direct : {i % 2 == 0, i % 2 != 0}) {
        const auto start = now_ns();
        is_direct ? call_direct(envelope) : call_adapter(actor, context, envelope);
        ns[is_direct ? 1 : 0] =
            static_cast<double>(now_ns() - start) / static_cast<double>(rounds_.calls);
      }
      if (i == 0) continue;  // warms up
      rounds_.adapter.push_back(ns[0]);
      rounds_.direct.push_back(ns[1]);
      rounds_.difference.push_back(ns[0] - ns[1]);
    }
    actor.ended(context, EndReason::stopped);
    rounds_.done.set();
    return Handled::done;
  }
  void ended(Context&, EndReason) noexcept override {}

 private:
  void call_adapter(Actor& actor, Context& context, const Envelope& envelope) const {
    for (long i = 0; i < rounds_.calls; ++i) {
      if (!actor.receive(context, envelope)) give_up("a call", "the plugin failed");
    }
  }
  void call_direct(const Envelope& envelope) const {
    bs_msg msg{};
    msg.struct_size = sizeof msg;
    msg.kind = BS_MSG_SEND;
    msg.body = {envelope.payload.data(), envelope.payload.size()};
    const auto receive = direct_.receive();
    for (long i = 0; i < rounds_.calls; ++i) {
      if (receive(direct_.self(), nullptr, &msg) != BS_OK) give_up("a call", "the plugin failed");
    }
  }

  Rounds& rounds_;
  ActorFactory& factory_;
  const Direct& direct_;
};

ActorFactory& factory_of(const Engine& engine, std::string_view type) {
  for (const auto& known : engine.types()) {
    if (known->name == type) return *known->factory;
  }
  give_up(type, "no such type");
}

// run_all.py puts what follows a workload's second character behind the row's name.
void report_median(std::string_view workload, std::vector<double> values, std::string_view peer) {
  std::ranges::sort(values);
  const auto params = "rounds=" + std::to_string(values.size()) +
                      " min=" + std::to_string(values.front()) +
                      " max=" + std::to_string(values.back());
  report(workload, params, values[values.size() / 2], "ns", peer);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments{argc, argv};
  const bool is_c = arguments.text("--abi", "c") == "c";
  const std::string type = is_c ? "sink_c" : "sink";
  const std::string file = is_c ? "bench_loads_c.so" : "bench_loads.so";
  Rounds rounds{static_cast<std::size_t>(arguments.number("--rounds", 31)),
                arguments.number("--calls", 1'000'000)};
  House house(1);
  const Direct direct(BENCH_PLUGINS "/" + file, type);
  ActorFactory& factory = factory_of(house.live.engine, type);
  house.live.type("caller", [&](Context&, std::string_view) -> Made {
    return std::make_unique<Caller>(rounds, factory, direct);
  });
  const ActorId caller = house.live.spawn("caller", "caller");
  const Pay64 pay{};
  (void)must(house.live.engine.send(caller, {{}, Payload(bytes_of(pay))}), "the start");
  rounds.done.wait();
  const std::string_view peer = is_c ? "backstage-c" : "backstage-plugin";
  report_median("AC", rounds.difference, peer);
  report_median("AC.adapter", rounds.adapter, peer);
  report_median("AC.direct", rounds.direct, peer);
}
