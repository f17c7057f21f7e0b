// Upgrades a plugin again and again under load, and holds what its actors say against a model.
//
//   stress_upgrade [--count N] [--actors N] [--rate MESSAGES_PER_SECOND] [--seed S] [--good]
//
// Threads send numbered messages to recorders, while the plugin is replaced N times at random
// moments, by versions of which a third fails: in a save, a load, init or on probation. At the end
// each recorder tells how many messages of each sender it has handled, in which order: it must be
// exactly what was accepted. Ends with one line of JSON; exit 1 if anything was lost, doubled or
// came out of order.
#include <fmt/format.h>
#include <malloc.h>
#include <stdlib.h>
#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "core/engine.hpp"
#include "core/worker_pool.hpp"
#include "daemon/plugin_host/plugin_host.hpp"
#include "tests/stress/record.h"

using namespace backstage;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Wish {
  std::size_t count = 1000;
  std::size_t actors = 64;
  std::size_t rate = 20'000;
  std::uint64_t seed = 1;
  bool only_good = false;
};

// Half of what comes is refused on the way or soon after: see `draw`.
constexpr std::array bad{"save_fails", "load_fails", "load_fails_late", "init_fails",
                         "victim_fails"};
constexpr std::size_t senders = 2;
constexpr std::size_t victims = 4;

[[noreturn]] void give_up(std::string_view what) {
  fmt::print(stderr, "stress_upgrade: {}\n", what);
  std::exit(1);
}

class Silence final : public Observer {
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

// Counts what became of the drops; all on the loader's thread but the log.
class Tallies final : public plugin_host::Events {
 public:
  void plugin_log(plugin_host::Level, std::string_view, std::string_view,
                  std::string_view) noexcept override {}
  void plugin_loaded(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_refused(const plugin_host::PluginInfo& plugin) noexcept override {
    ++refused;
    last = plugin.code;
  }
  void plugin_changed(const plugin_host::PluginInfo&) noexcept override {}
  void plugin_upgraded(const plugin_host::PluginInfo&, const plugin_host::PluginInfo&,
                       const plugin_host::UpgradeReport&) noexcept override {
    ++upgraded;
  }
  void plugin_rolled_back(const plugin_host::PluginInfo& failed, const plugin_host::PluginInfo&,
                          const plugin_host::UpgradeReport& report) noexcept override {
    ++(failed.code == "ROLLED_BACK" ? rolled_back : upgrade_failed);
    left_behind += report.kept;
  }
  void plugin_pinned(const plugin_host::PluginInfo& plugin) noexcept override {
    ++pinned;
    last = plugin.reason;
  }

  std::size_t refused = 0, upgraded = 0, rolled_back = 0, upgrade_failed = 0, left_behind = 0,
              pinned = 0;
  std::string last;
};

std::size_t resident_kib() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * 4;
}

std::int64_t nanos_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// What the senders know to be accepted; each sender writes its own part.
struct Model {
  explicit Model(std::size_t actors) : of(actors) {}
  std::vector<std::array<stress_count, senders>> of;
};

// A folder of this run alone.
struct Folder {
  Folder() {
    std::string name = fs::temp_directory_path() / "backstage-stress-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) give_up("no temporary directory");
    path = name;
    fs::create_directory(path / "plugins");
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

class Stress {
 public:
  explicit Stress(const Wish& wish)
      : wish_(wish),
        random_(wish.seed),
        engine_({clock_, pool_, pool_, faults_, silence_, wish.seed}, {}),
        host_(engine_, tallies_, options()),
        model_(wish.actors),
        lateness_(STRESS_MICROS_MAX) {}

  int run() {
    pool_.start(2, [this](TimePoint now) { return engine_.fire_due(now); }, 0, {});
    drop("good");
    if (auto loaded = host_.load_directory((folder_.path / "plugins").string(), clock_.now());
        !loaded || loaded->active != 1) {
      give_up("the first version is not loaded");
    }
    spawn();
    std::vector<std::thread> threads;
    threads.reserve(senders);
    for (std::size_t i = 0; i < senders; ++i) threads.emplace_back([this, i] { send(i); });
    upgrade_all();
    is_over_ = true;
    for (auto& thread : threads) thread.join();
    while (!engine_.is_quiet()) std::this_thread::yield();
    const int failed = report();
    engine_.stop_all();
    while (engine_.hosted_actors() != 0) std::this_thread::yield();
    host_.shutdown(1s);
    pool_.stop();
    return failed;
  }

 private:
  plugin_host::Options options() const {
    plugin_host::Options options;
    options.loader.staging_parents = {folder_.path.string()};
    options.probation = 25ms;
    options.unload_grace = 20ms;
    options.settings_of = [](std::string_view type) {
      plugin_host::TypeSettings settings;
      // Victims of a bad version come back at once, for the next one.
      settings.supervision.backoff_min = settings.supervision.backoff_max = 1ms;
      if (type == "victim") settings.supervision.intensity = 1'000'000;
      return settings;
    };
    return options;
  }

  // As mv does. Bytes behind the end of the file make its content one that was never refused.
  void drop(std::string_view variant) {
    const auto target = folder_.path / "plugins" / "recorder.so";
    const auto part = folder_.path / "plugins" / ".recorder.part";
    fs::copy_file(fs::path{STRESS_PLUGINS} / fmt::format("{}.so", variant), part,
                  fs::copy_options::overwrite_existing);
    std::ofstream(part, std::ios::app) << fmt::format("drop {}", drops_++);
    fs::permissions(part, fs::perms::owner_read | fs::perms::owner_write);
    fs::rename(part, target);
  }

  void spawn() {
    for (std::size_t i = 0; i < wish_.actors; ++i) {
      const auto made = engine_.spawn({.type = "recorder", .name = fmt::format("r{}", i)});
      if (!made) give_up("a recorder is not spawned");
      ids_.push_back(made->id);
    }
    for (std::size_t i = 0; i < victims; ++i) {
      if (!engine_.spawn({.type = "victim", .name = fmt::format("v{}", i)})) give_up("no victim");
    }
  }

  // Open loop: when it is late it does not wait, and lateness counts from when it was due.
  void send(std::size_t self) {
    std::mt19937_64 random(wish_.seed * 1000 + self);
    const auto step = std::int64_t{1'000'000'000} * static_cast<std::int64_t>(senders) /
                      static_cast<std::int64_t>(wish_.rate);
    std::int64_t due = nanos_now();
    for (std::uint64_t n = 0; !is_over_.load(std::memory_order_relaxed); ++n, due += step) {
      while (nanos_now() < due) {
        const timespec nap{0, 200'000};
        ::nanosleep(&nap, nullptr);
      }
      const auto actor = random() % ids_.size();
      auto& count = model_.of[actor][self];
      const stress_mail mail{self, count.last + 1, due, lateness_.data(), nullptr};
      if (n % 32 == 0) feed_victims();
      if (!engine_.send(ids_[actor], {.type = {}, .payload = bytes_of(mail)})) {
        ++refused_;
        continue;
      }
      ++count.last;
      count.digest = stress_digest(count.digest, count.last);
    }
  }

  void feed_victims() {
    for (std::size_t i = 0; i < victims; ++i) {
      (void)engine_.send(fmt::format("v{}", i), {.type = {}, .payload = Payload("x")});
    }
  }

  static Payload bytes_of(const stress_mail& mail) {
    return Payload(std::string_view(reinterpret_cast<const char*>(&mail), sizeof mail));
  }

  // The drops of one run: bad ones for a third, or none.
  std::string_view draw() {
    if (!wish_.only_good && random_() % 3 == 0) return bad[random_() % bad.size()];
    return random_() % 2 == 0 ? "good" : "good_too";
  }

  void upgrade_all() {
    const auto file = (folder_.path / "plugins" / "recorder.so").string();
    for (std::size_t i = 0; i < wish_.count; ++i) {
      drop(draw());
      const auto begin = clock_.now();
      (void)host_.file_came(file, begin);
      // Sometimes the next one comes before this is over.
      look_until([&] { return host_.look(clock_.now()) > clock_.now() + 2ms; },
                 random_() % 8 == 0 ? Duration{random_() % 3'000'000} : Duration{60s});
      rest_of_upgrade_.push_back(clock_.now() - begin);
      const auto pause = Duration{random_() % 30'000'000};
      look_until([] { return false; }, pause);
      if (i == wish_.count / 10) kib_before_ = settled_kib();
    }
    look_until([this] { return host_.look(clock_.now()) == never; }, 10s);
    kib_after_ = settled_kib();
  }

  static std::size_t settled_kib() {
    ::malloc_trim(0);
    return resident_kib();
  }

  template <class Done>
  void look_until(Done done, Duration at_most) {
    const TimePoint end = clock_.now() + at_most;
    while (clock_.now() < end) {
      (void)host_.look(clock_.now());
      if (done()) return;
      const timespec nap{0, 500'000};
      ::nanosleep(&nap, nullptr);
    }
  }

  stress_record ask(std::size_t actor) {
    auto report = std::make_unique<stress_report>();
    const stress_mail question{0, 0, 0, nullptr, report.get()};
    if (!engine_.send(ids_[actor], {.type = {}, .payload = bytes_of(question)}))
      give_up("nobody to ask");
    while (__atomic_load_n(&report->is_there, __ATOMIC_ACQUIRE) == 0) std::this_thread::yield();
    return report->record;
  }

  double millis_at(double part) const {
    std::uint64_t all = 0;
    for (const auto count : lateness_) all += count;
    const auto wanted = static_cast<std::uint64_t>(static_cast<double>(all) * part);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < lateness_.size(); ++i) {
      seen += lateness_[i];
      if (seen > wanted) return static_cast<double>(i) / 1000;
    }
    return last_millis();
  }
  double last_millis() const {
    std::size_t last = 0;
    for (std::size_t i = 0; i < lateness_.size(); ++i) last = lateness_[i] != 0 ? i : last;
    return static_cast<double>(last) / 1000;
  }

  int report() {
    std::uint64_t accepted = 0;
    std::uint64_t handled = 0;
    std::uint64_t disorders = 0;
    std::size_t differ = 0;
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const auto record = ask(i);
      handled += record.handled;
      disorders += record.disorders;
      for (std::size_t s = 0; s < senders; ++s) {
        const auto& model = model_.of[i][s];
        accepted += model.last;
        differ += record.of[s].last != model.last || record.of[s].digest != model.digest ? 1 : 0;
      }
    }
    const bool is_balanced = engine_.stats().ledger.is_balanced();
    std::sort(rest_of_upgrade_.begin(), rest_of_upgrade_.end());
    const auto millis = [&](double part) {
      const auto place =
          static_cast<std::size_t>(part * static_cast<double>(rest_of_upgrade_.size() - 1));
      return std::chrono::duration<double, std::milli>(rest_of_upgrade_[place]).count();
    };
    fmt::print(
        R"({{"upgrades":{},"upgraded":{},"refused":{},"upgrade_failed":{},"rolled_back":{},)"
        R"("left_behind":{},"pinned":{},"actors":{},"accepted":{},"handled":{},"sends_refused":{},)"
        R"("out_of_order":{},"counts_that_differ":{},"ledger_balanced":{},)"
        R"("late_ms_p50":{:.3f},"late_ms_p99":{:.3f},"late_ms_p999":{:.3f},"late_ms_max":{:.3f},)"
        R"("upgrade_ms_p50":{:.1f},"upgrade_ms_max":{:.1f},"kib_after_a_tenth":{},)"
        R"("kib_at_end":{}}})"
        "\n",
        wish_.count, tallies_.upgraded, tallies_.refused, tallies_.upgrade_failed,
        tallies_.rolled_back, tallies_.left_behind, tallies_.pinned, wish_.actors, accepted,
        handled, refused_.load(), disorders, differ, is_balanced, millis_at(0.5), millis_at(0.99),
        millis_at(0.999), last_millis(), millis(0.5), millis(1.0), kib_before_, kib_after_);
    if (tallies_.pinned != 0) fmt::print(stderr, "pinned: {}\n", tallies_.last);
    const bool is_whole =
        accepted == handled && disorders == 0 && differ == 0 && is_balanced && tallies_.pinned == 0;
    return is_whole ? 0 : 1;
  }

  const Wish wish_;
  std::mt19937_64 random_;
  Folder folder_;
  MonotonicClock clock_;
  WorkerPool pool_{clock_};
  NoFaults faults_;
  Silence silence_;
  Engine engine_;
  Tallies tallies_;
  plugin_host::PluginHost host_;
  std::vector<ActorId> ids_;
  Model model_;
  std::vector<std::uint32_t> lateness_;
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<bool> is_over_{false};
  std::size_t drops_ = 0;
  std::vector<Duration> rest_of_upgrade_;
  std::size_t kib_before_ = 0;
  std::size_t kib_after_ = 0;
};

Wish read_wish(int argc, char** argv) {
  Wish wish;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--good") {
      wish.only_good = true;
      continue;
    }
    const char* const value = i + 1 < argc ? argv[++i] : "";
    char* end = nullptr;
    const auto number = std::strtoull(value, &end, 10);
    if (*value == '\0' || *end != '\0' || number == 0) {
      give_up(fmt::format("{} needs a whole number above 0", name));
    }
    if (name == "--count") {
      wish.count = number;
    } else if (name == "--actors") {
      wish.actors = number;
    } else if (name == "--rate") {
      wish.rate = number;
    } else if (name == "--seed") {
      wish.seed = number;
    } else {
      give_up(fmt::format("there is no option {}; --count --actors --rate --seed --good", name));
    }
  }
  return wish;
}

}  // namespace

int main(int argc, char** argv) { return Stress(read_wish(argc, argv)).run(); }
