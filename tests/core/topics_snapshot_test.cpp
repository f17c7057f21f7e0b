// Snapshot, then live: no gap, no double, whatever the order of publishes and subscribes.
#include "core/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

constexpr SubscribeOptions with_snapshot{Overflow::reject, true};

struct Guest {
  Guest(Stage& stage, const std::string& name)
      : script(std::make_shared<Script>()),
        context(stage.engine.context_of(stage.client(name, script))) {}
  std::shared_ptr<Script> script;
  Context context;
};

// One run of random publishes and subscribes, and what each guest has to see of each address.
class Run {
 public:
  explicit Run(std::uint64_t seed) : random_(seed) { stage_.executor.shuffle(random_); }

  void play(int steps) {
    for (int i = 0; i < steps; ++i) {
      switch (dice(4)) {
        case 0:
          subscribe();
          break;
        case 1:
          unsubscribe();
          break;
        default:
          publish();
      }
      for (auto turns = dice(3); turns > 0; --turns) stage_.step();
    }
    stage_.settle();
  }

  // The guests that did not see exactly what they had to.
  [[nodiscard]] Texts wronged() const {
    Texts names;
    for (const auto& entry : entries_) {
      std::map<std::string, Texts> seen;
      for (const auto& got : entry->guest.script->got) {
        seen[got.address].push_back((got.is_snapshot ? "snapshot " : "live ") +
                                    std::to_string(got.seq) + " " + got.text);
      }
      if (seen != entry->due) names.emplace_back(entry->guest.context.name());
    }
    return names;
  }
  [[nodiscard]] std::size_t snapshots() const { return snapshots_; }
  [[nodiscard]] bool is_balanced() const { return stage_.ledger().is_balanced(); }

 private:
  struct Entry {
    Guest guest;
    Pattern pattern;
    SubscriptionId id{};
    bool is_on = true;
    std::map<std::string, Texts> due;
  };
  struct Known {
    std::uint64_t seq = 0;
    std::optional<std::string> retained;  // as a snapshot of it is written down
  };

  std::size_t dice(std::size_t sides) { return static_cast<std::size_t>(random_() % sides); }

  void publish() {
    const auto address = std::string(dice(2) == 0 ? "f/a" : "g/a") + (dice(2) == 0 ? "" : ".b");
    auto& known = known_[address];
    const bool retain = dice(2) == 0;
    const auto text = std::to_string(++last_text_);
    const auto published = stage_.publish(address, text, retain);
    REQUIRE(published);
    CHECK(published->seq == ++known.seq);
    const auto line = std::to_string(known.seq) + " " + text;
    if (retain) known.retained = line;
    std::uint32_t matched = 0;
    for (const auto& entry : entries_) {
      if (!entry->is_on || !entry->pattern.matches(*Address::parse(address))) continue;
      entry->due[address].push_back("live " + line);
      ++matched;
    }
    CHECK(published->matched == matched);
  }

  void subscribe() {
    static const char* const patterns[] = {"f/a", "g/a.b", "*/a", "f/>", "*/>", "*/*.b"};
    const auto pattern = *Pattern::parse(patterns[dice(6)]);
    const auto name = "guest" + std::to_string(entries_.size());
    auto entry = std::make_unique<Entry>(Entry{Guest(stage_, name), pattern, {}, true, {}});
    const bool snapshot = dice(3) > 0;
    const auto subscribed = entry->guest.context.subscribe(pattern, {Overflow::reject, snapshot});
    REQUIRE(subscribed);
    entry->id = subscribed->id;
    for (const auto& [address, known] : known_) {
      if (!pattern.matches(*Address::parse(address))) continue;
      if (subscribed->seq) CHECK(*subscribed->seq == known.seq);
      if (!snapshot || !known.retained) continue;
      entry->due[address].push_back("snapshot " + *known.retained);
      ++snapshots_;
    }
    entries_.push_back(std::move(entry));
  }

  void unsubscribe() {
    if (entries_.empty()) return;
    auto& entry = *entries_[dice(entries_.size())];
    if (!entry.is_on) return;
    CHECK(entry.guest.context.unsubscribe(entry.id));
    entry.is_on = false;
  }

  std::mt19937_64 random_;
  Stage stage_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::map<std::string, Known> known_;
  std::size_t snapshots_ = 0;
  int last_text_ = 0;
};

}  // namespace

TEST_CASE("each subscriber sees the snapshot and then every number, under any order", "[core]") {
  std::size_t snapshots = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    Run run(seed);
    run.play(150);
    CHECK(run.wronged() == Texts{});
    CHECK(run.is_balanced());
    snapshots += run.snapshots();
  }
  CHECK(snapshots > 1'000);
}

TEST_CASE("a plain publish after the retained one leaves no gap behind the snapshot", "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "1", true));
  CHECK(stage.publish("feed/a", "2"));
  Guest guest(stage, "c");
  CHECK(guest.context.subscribe(*Pattern::parse("feed/a"), with_snapshot)->seq == 2);
  CHECK(stage.publish("feed/a", "3"));
  stage.settle();
  REQUIRE(guest.script->got.size() == 2);
  CHECK(guest.script->got[0].seq == 1);
  CHECK(guest.script->got[1].seq == 3);
}

TEST_CASE("without a retained value there is no snapshot, then or later", "[core]") {
  Stage stage;
  Guest guest(stage, "c");
  CHECK(guest.context.subscribe(*Pattern::parse("feed/a"), with_snapshot));
  CHECK(guest.context.subscribe(*Pattern::parse("feed/*"), with_snapshot));
  CHECK(stage.publish("feed/a", "1", true));
  CHECK(stage.publish("feed/a", "2"));
  stage.settle();
  CHECK(texts(*guest.script, Kind::publish) == Texts{"1", "1", "2", "2"});
  for (const auto& got : guest.script->got) CHECK_FALSE(got.is_snapshot);
}

TEST_CASE("somebody else's subscribe gives nobody a second snapshot", "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "kept", true));
  Guest first(stage, "first");
  CHECK(first.context.subscribe(*Pattern::parse("feed/*"), with_snapshot));
  Guest second(stage, "second");
  CHECK(second.context.subscribe(*Pattern::parse("feed/a"), with_snapshot));
  Guest third(stage, "third");
  CHECK(third.context.subscribe(*Pattern::parse("*/*")));
  CHECK(stage.publish("feed/a", "live"));
  stage.settle();
  CHECK(texts(*first.script, Kind::publish) == Texts{"kept", "live"});
  CHECK(texts(*second.script, Kind::publish) == Texts{"kept", "live"});
  CHECK(texts(*third.script, Kind::publish) == Texts{"live"});
}

TEST_CASE("an actor hears an address under one subscription, its oldest, snapshot included",
          "[core]") {
  Stage stage;
  CHECK(stage.publish("feed/a", "kept", true));
  ActorType settings;
  settings.overflow = Overflow::conflate;
  std::vector<SubscriptionId> heard_as;
  const auto script = stage.type(
      "t",
      [&heard_as](Context&, const Envelope& envelope) -> Outcome {
        heard_as.push_back(envelope.subscription);
        return Handled::done;
      },
      settings);
  SubscriptionId oldest{};
  script->create = [&](Context& context) -> Outcome {
    oldest = context.subscribe(*Pattern::parse("feed/*"))->id;
    CHECK(context.subscribe(*Pattern::parse("feed/a"), with_snapshot));
    CHECK(stage.publish("feed/a", "1"));
    return Handled::done;
  };
  stage.spawn("t", "t");
  CHECK(stage.publish("feed/a", "2"));
  stage.settle();
  // Conflated: the snapshot is of the same address and subscription as the live message after it.
  CHECK(texts(*script, Kind::publish) == Texts{"1", "2"});
  CHECK(heard_as == std::vector{oldest, oldest});
}

TEST_CASE("a flood of snapshots makes an address's matches a few times, not each time", "[core]") {
  constexpr int guests = 3'000;
  Stage stage;
  CHECK(stage.publish("feed/a", "kept", true));
  const Topic* topic = nullptr;
  auto probe = std::make_shared<Script>();
  probe->receive = [&topic](Context&, const Envelope& envelope) -> Outcome {
    topic = envelope.topic;
    return Handled::done;
  };
  auto probing = stage.engine.context_of(stage.client("probe", probe));
  CHECK(probing.subscribe(*Pattern::parse("feed/a"), with_snapshot));
  stage.settle();
  REQUIRE(topic != nullptr);
  std::vector<std::unique_ptr<Guest>> all;
  std::set<std::uint64_t> made;
  for (int i = 0; i < guests; ++i) {
    all.push_back(std::make_unique<Guest>(stage, "g" + std::to_string(i)));
    const auto* pattern = i % 2 == 0 ? "feed/a" : "feed/*";
    CHECK(all.back()->context.subscribe(*Pattern::parse(pattern), with_snapshot));
    made.insert(topic->made);
  }
  CHECK(made.size() <= 12);
  CHECK(stage.publish("feed/a", "live")->matched == guests + 1);
  stage.settle();
  for (const auto& guest : all) {
    REQUIRE(texts(*guest->script, Kind::publish) == Texts{"kept", "live"});
  }
}

TEST_CASE("subscribing again and again for the snapshot keeps no record of each time", "[core]") {
  constexpr std::size_t times = 1'000;
  Stage stage;
  CHECK(stage.publish("feed/a", "kept", true));
  Guest guest(stage, "c");
  const Topic* topic = nullptr;
  guest.script->receive = [&topic](Context&, const Envelope& envelope) -> Outcome {
    topic = envelope.topic;
    return Handled::done;
  };
  for (std::size_t i = 0; i < times; ++i) {
    CHECK(guest.context.subscribe(*Pattern::parse("feed/a"), with_snapshot));
    stage.settle();
    REQUIRE(topic->caught_up.size() <= 64);
  }
  CHECK(guest.script->got.size() == times);
}
