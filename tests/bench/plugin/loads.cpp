// bench_loads: the loads W1 to W5 as actors of a plugin on the C++ SDK, each what the program of
// the same number has in process. The root of a load is told "go" and tells the judge its times.
#include <backstage/plugin.hpp>
#include <vector>

#include "tests/bench/bench.hpp"
#include "tests/bench/bytes.hpp"

namespace {

using backstage::address;
using backstage::config;
using backstage::content;
using backstage::context;
using backstage::message;
using backstage::status;
using namespace backstage::bench;

void tell(context& ctx, address to, std::string_view type, std::string_view body = {}) {
  ctx.send(to, content{type, body, nullptr}).must();
}
void tell_judge(context& ctx, std::uint64_t start_ns) {
  const Lap lap{start_ns, now_ns()};
  ctx.send("judge", content{"lap", bytes_of(lap), nullptr}).must();
}
address spawn(context& ctx, const char* type, const Name& name, std::string_view settings = {}) {
  return ctx.spawn(type, name.view(), settings).must().who;
}

// --- W1

struct Player {
  static constexpr char name[] = "w1";

  explicit Player(config given) : rounds(given.integer("n", 0)) {}
  void on(message m, context& ctx) {
    if (m.type() == "go") {
      const address pong = spawn(ctx, name, Name('p', 1));
      Pay64 ball{};
      std::memset(ball.pad, 7, sizeof ball.pad);
      start_ns = now_ns();
      return tell(ctx, pong, {}, bytes_of(ball));
    }
    auto ball = record_of<Pay64>(m.body().data());
    ++ball.seq;
    if (start_ns != 0 && ++got == rounds) return tell_judge(ctx, start_ns);
    tell(ctx, m.from(), {}, bytes_of(ball));
  }

  std::int64_t rounds;
  std::int64_t got = 0;
  std::uint64_t start_ns = 0;
};

// --- W2

struct Sender {
  static constexpr char name[] = "w2_sender";

  explicit Sender(config given) : each(given.integer("each", 0)) {}
  void on(message m, context& ctx) const {
    Pay64 pay{};
    for (std::int64_t i = 0; i < each; ++i) {
      pay.seq = static_cast<std::uint64_t>(i);
      tell(ctx, m.from(), {}, bytes_of(pay));
    }
  }

  std::int64_t each;
};

struct Receiver {
  static constexpr char name[] = "w2";

  explicit Receiver(config given)
      : settings(given.text()),
        senders(given.integer("senders", 0)),
        total(senders * given.integer("each", 0)),
        rounds(given.integer("rounds", 0)) {}
  void on(message m, context& ctx) {
    if (!m.type().empty()) {
      for (std::int64_t i = 0; i < senders; ++i) {
        ids.push_back(spawn(ctx, Sender::name, Name('s', static_cast<std::uint64_t>(i)), settings));
      }
      return start_round(ctx);
    }
    sum += record_of<Pay64>(m.body().data()).seq;
    if (++got < total) return;
    if (++round == 1) start_ns = now_ns();
    if (round < rounds) return start_round(ctx);
    tell_judge(ctx, start_ns);
    const auto each = static_cast<std::uint64_t>(total / senders);
    const auto wanted = static_cast<std::uint64_t>(rounds * senders) * (each * (each - 1) / 2);
    if (sum != wanted) throw backstage::error("the sum is wrong");
  }
  void start_round(context& ctx) {
    got = 0;
    for (const address sender : ids) tell(ctx, sender, "go");
  }

  std::string settings;
  std::int64_t senders;
  std::int64_t total;
  std::int64_t rounds;
  std::vector<address> ids;
  std::int64_t got = 0;
  std::int64_t round = 0;
  std::uint64_t sum = 0;
  std::uint64_t start_ns = 0;
};

// --- W3

struct Subscriber {
  static constexpr char name[] = "w3_subscriber";

  Subscriber(config given, context& ctx) : publishes(given.integer("pubs", 0)) {
    ctx.subscribe("w3").must();
    ctx.send("w3", content{"ready", {}, nullptr}).must();
  }
  status on(message m, context& ctx) {
    sum += static_cast<unsigned char>(m.body().front());
    if (++got < publishes) return {};
    tell(ctx, m.from(), "fin");
    return BS_STOP;
  }

  std::int64_t publishes;
  std::int64_t got = 0;
  std::uint64_t sum = 0;
};

struct Publisher {
  static constexpr char name[] = "w3";

  explicit Publisher(config given)
      : settings(given.text()),
        subscribers(given.integer("subs", 0)),
        publishes(given.integer("pubs", 0)),
        burst(given.integer("burst", 0)),
        bytes(static_cast<std::size_t>(given.integer("size", 0)), '\7') {}
  void on(message m, context& ctx) {
    if (m.type() == "go") {
      for (std::int64_t i = 0; i < subscribers; ++i) {
        spawn(ctx, Subscriber::name, Name('s', static_cast<std::uint64_t>(i)), settings);
      }
    } else if (m.type() == "ready") {
      if (++ready < subscribers) return;
      start_ns = now_ns();
      publish_some(ctx);
    } else if (m.type() == "fin") {
      if (++finished == subscribers) tell_judge(ctx, start_ns);
    } else {
      publish_some(ctx);
    }
  }
  void publish_some(context& ctx) {
    for (std::int64_t i = 0; i < burst && sent < publishes; ++i, ++sent) {
      // Made anew each time, as in the peers; a large one is then shared by all who get it.
      bytes.size() <= 64 ? ctx.publish(bytes).must()
                         : ctx.publish(backstage::payload{bytes}).must();
    }
    if (sent < publishes) tell(ctx, ctx.self(), "more");
  }

  std::string settings;
  std::int64_t subscribers;
  std::int64_t publishes;
  std::int64_t burst;
  std::string bytes;
  std::int64_t ready = 0;
  std::int64_t sent = 0;
  std::int64_t finished = 0;
  std::uint64_t start_ns = 0;
};

// --- W4

struct Child {
  static constexpr char name[] = "w4_child";

  status on(message m, context& ctx) {
    if (m.type() != "stop") return {};
    tell(ctx, m.from(), "fin");
    return BS_STOP;
  }
};

struct Parent {
  static constexpr char name[] = "w4";

  explicit Parent(config given) : children(given.integer("n", 0)), wave(given.integer("wave", 0)) {}
  void on(message m, context& ctx) {
    if (m.type() == "go") {
      start_ns = now_ns();
      return next_wave(ctx);
    }
    if (++over < made) return;
    made < children ? next_wave(ctx) : tell_judge(ctx, start_ns);
  }
  void next_wave(context& ctx) {
    for (std::int64_t i = 0; i < wave; ++i) {
      tell(ctx, spawn(ctx, Child::name, Name('c', static_cast<std::uint64_t>(made++))), "stop");
    }
  }

  std::int64_t children;
  std::int64_t wave;
  std::int64_t made = 0;
  std::int64_t over = 0;
  std::uint64_t start_ns = 0;
};

// --- W5

struct Ringer {
  static constexpr char name[] = "w5_ringer";

  void on(message m, context& ctx) {
    if (m.type() == "go") {
      driver = m.from();
      next = record_of<address>(m.body().data());
      return;
    }
    const auto hops = record_of<std::uint64_t>(m.body().data());
    if (hops == 0) return tell(ctx, driver, "fin");
    tell(ctx, next, {}, bytes_of(hops - 1));
  }

  address driver;
  address next;
};

struct Driver {
  static constexpr char name[] = "w5";

  explicit Driver(config given)
      : actors(static_cast<std::size_t>(given.integer("actors", 0))),
        tokens(static_cast<std::size_t>(given.integer("tokens", 0))),
        hops(static_cast<std::uint64_t>(given.integer("hops", 0))) {}
  void on(message m, context& ctx) {
    if (m.type() == "go") return start(ctx);
    if (++over == tokens) tell_judge(ctx, start_ns);
  }
  void start(context& ctx) {
    std::vector<address> ids;
    ids.reserve(actors);
    for (std::size_t i = 0; i < actors; ++i) ids.push_back(spawn(ctx, Ringer::name, Name('r', i)));
    for (std::size_t i = 0; i < actors; ++i) {
      tell(ctx, ids[i], "go", bytes_of(ids[(i + 1) % actors]));
    }
    start_ns = now_ns();
    for (std::size_t i = 0; i < tokens; ++i) {
      tell(ctx, ids[i * actors / tokens], {}, bytes_of(hops));
    }
  }

  std::size_t actors;
  std::size_t tokens;
  std::uint64_t hops;
  std::size_t over = 0;
  std::uint64_t start_ns = 0;
};

// --- The way into a plugin's receive, see abi_call.cpp.

struct Sink {
  static constexpr char name[] = "sink";

  void on(message m, context&) { sum += record_of<std::uint64_t>(m.body().data()); }

  std::uint64_t sum = 0;
};

}  // namespace

BACKSTAGE_PLUGIN("org.backstage.bench_loads", "1.0.0", Player, Sender, Receiver, Subscriber,
                 Publisher, Child, Parent, Ringer, Driver, Sink)
