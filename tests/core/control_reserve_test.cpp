// The control reserve: whatever data fills a mailbox, control is accepted, stands in arrival order
// with it, and stop and kill overtake. Under seeds, against a model; then through the engine.
#include <deque>
#include <random>

#include "core/topics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/stage.hpp"

using namespace backstage;
using namespace backstage::test;
using Texts = std::vector<std::string>;

namespace {

constexpr std::uint32_t life = 1;
constexpr std::array policies{Overflow::reject, Overflow::drop_newest, Overflow::drop_oldest,
                              Overflow::conflate};
constexpr std::array control_kinds{Kind::reply, Kind::timer, Kind::down, Kind::interest,
                                   Kind::started};

// Which budget data uses up: the other one is far away, or as near.
struct Budget {
  const char* name;
  MailboxLimits limits;
  std::size_t message_bytes;  // of a usual message
};
constexpr std::array budgets{Budget{"messages", {8, 1U << 20U}, 60},
                             Budget{"bytes", {1U << 20U, 1'000}, 300},
                             Budget{"both", {8, 1'000}, 125}};

const std::array<Topic, 3>& topics() {
  static const std::array<Topic, 3> all{Topic(*Address::parse("feed/a")),
                                        Topic(*Address::parse("feed/b")),
                                        Topic(*Address::parse("feed/c"))};
  return all;
}

// One envelope as the model knows it.
struct Mail {
  MessageId id{};
  Kind kind{};
  std::size_t bytes = 0;
  const Topic* topic = nullptr;
};

// What a hosted actor's mailbox promises, in plain lists.
class Model {
 public:
  Model(MailboxLimits limits, Overflow policy) : limits_(limits), policy_(policy) {}

  [[nodiscard]] PushVerdict push(const Mail& mail) {
    if (is_data(mail.kind)) {
      if (const auto fate = make_room(mail); fate != PushVerdict::accepted) return fate;
    }
    ++accepted;
    queue.push_back(mail);
    return PushVerdict::accepted;
  }
  [[nodiscard]] std::size_t data() const {
    return static_cast<std::size_t>(std::count_if(
        queue.begin(), queue.end(), [](const Mail& mail) { return is_data(mail.kind); }));
  }
  [[nodiscard]] std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Mail& mail : queue) sum += is_data(mail.kind) ? mail.bytes : 0;
    return sum;
  }

  std::deque<Mail> queue;
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  std::map<DropCause, std::uint64_t> dropped;

 private:
  [[nodiscard]] bool fits(const Mail& mail) const {
    return data() < limits_.data_messages_max && bytes() + mail.bytes <= limits_.data_bytes_max;
  }
  // Direct mail has nothing that could take its place.
  [[nodiscard]] bool may_go(const Mail& mail) const {
    return is_data(mail.kind) && (policy_ == Overflow::drop_oldest || mail.topic != nullptr);
  }
  PushVerdict make_room(const Mail& mail) {
    const bool is_conflating = policy_ == Overflow::conflate;
    if (is_conflating && mail.topic != nullptr) {
      const auto same = std::find_if(queue.begin(), queue.end(),
                                     [&](const Mail& other) { return other.topic == mail.topic; });
      if (same != queue.end()) drop(same, DropCause::conflated);
    }
    if (fits(mail)) return PushVerdict::accepted;
    if (policy_ == Overflow::reject || (is_conflating && mail.topic == nullptr)) {
      ++refused;
      return PushVerdict::refused;
    }
    if (policy_ != Overflow::drop_newest && mail.bytes <= limits_.data_bytes_max) {
      for (auto at = queue.begin(); at != queue.end() && !fits(mail);) {
        at = may_go(*at) ? drop(at, DropCause::oldest) : std::next(at);
      }
      if (fits(mail)) return PushVerdict::accepted;
    }
    ++accepted;
    ++dropped[DropCause::newest];
    return PushVerdict::dropped;
  }
  std::deque<Mail>::iterator drop(const std::deque<Mail>::iterator& at, DropCause cause) {
    ++dropped[cause];
    return queue.erase(at);
  }

  MailboxLimits limits_;
  Overflow policy_;
};

// A mailbox and its model, driven together by one seed.
class Trial {
 public:
  Trial(const Budget& budget, Overflow policy, std::uint64_t seed)
      : budget_(budget), policy_(policy), random_(seed), model_(budget.limits, policy) {
    mailbox_.open(life, {budget.limits, policy, false});
  }

  // True: every step went as the model said.
  [[nodiscard]] bool run(int steps) {
    for (int step = 0; step < steps; ++step) {
      const auto roll = random_() % 100;
      const bool went = roll < 45   ? push_data()
                        : roll < 75 ? push_control()
                        : roll < 95 ? take()
                                    : overtake();
      if (!went || !agrees()) return false;
    }
    while (!model_.queue.empty()) {
      if (!take() || !agrees()) return false;
    }
    return mailbox_.next({}).envelope == nullptr;
  }
  [[nodiscard]] int controls_while_full() const { return controls_while_full_; }

 private:
  [[nodiscard]] bool push(const Mail& mail) {
    EnvelopePtr envelope(new Envelope);
    envelope->id = mail.id;
    envelope->kind = mail.kind;
    envelope->payload = Payload(std::string(mail.bytes, 'x'));
    envelope->topic = mail.topic;
    envelope->overflow = policy_;
    if (mail.topic != nullptr) envelope->subscription = SubscriptionId{1};
    const auto wanted = model_.push(mail);
    const auto pushed = mailbox_.push(envelope, life);
    const bool is_left = envelope != nullptr;
    return pushed.verdict == wanted && is_left == (wanted == PushVerdict::refused) &&
           (!is_left || pushed.why == Errc::mailbox_full);
  }
  // Sizes from nothing to more than the whole budget, most of them usual.
  [[nodiscard]] std::size_t size() {
    const auto roll = random_() % 20;
    if (roll == 0) return 0;
    if (roll == 1) return budget_.limits.data_bytes_max < 2'000 ? 1'001 : 200;
    if (roll < 6) return random_() % (2 * budget_.message_bytes);
    return budget_.message_bytes;
  }
  [[nodiscard]] bool push_data() {
    constexpr std::array kinds{Kind::send, Kind::publish, Kind::request};
    const Kind kind = kinds.at(random_() % kinds.size());
    const Topic* topic = kind == Kind::publish ? &topics().at(random_() % 3) : nullptr;
    return push({next_id(), kind, size(), topic});
  }
  [[nodiscard]] bool push_control() {
    const bool is_full = model_.data() + 1 > budget_.limits.data_messages_max ||
                         model_.bytes() + budget_.message_bytes > budget_.limits.data_bytes_max;
    const auto before = model_.queue.size();
    const Kind kind = control_kinds.at(random_() % control_kinds.size());
    // A reply or a notice may be as large as it likes: it is not data's budget that it uses.
    if (!push({next_id(), kind, random_() % 3'000, nullptr})) return false;
    if (is_full) ++controls_while_full_;
    return model_.queue.size() == before + 1;
  }
  [[nodiscard]] bool take() {
    auto next = mailbox_.next({true, false, std::exchange(is_settling_, false)});
    if (model_.queue.empty()) return next.envelope == nullptr;
    const Mail wanted = model_.queue.front();
    model_.queue.pop_front();
    is_settling_ = next.envelope != nullptr;
    return is_settling_ && next.envelope->id == wanted.id && next.envelope->kind == wanted.kind &&
           next.envelope->payload.size() == wanted.bytes;
  }
  // A signal is what the owner finds next, before all mail; the mail stays as it was.
  [[nodiscard]] bool overtake() {
    const Signal raised = random_() % 2 == 0 ? Signal::stop : Signal::kill;
    (void)mailbox_.raise(raised, life);
    const auto next = mailbox_.next({true, false, std::exchange(is_settling_, false)});
    return next.signals == raised && next.envelope == nullptr;
  }
  [[nodiscard]] bool agrees() const {
    const Ledger ledger = mailbox_.ledger();
    bool same_drops = ledger.dropped_total() == 0 || !model_.dropped.empty();
    for (const auto& [cause, count] : model_.dropped) {
      same_drops = same_drops && ledger.dropped.at(static_cast<std::size_t>(cause)) == count;
    }
    return mailbox_.is_consistent() && ledger.is_balanced() && same_drops &&
           ledger.queued_bytes == model_.bytes() && ledger.queued == model_.queue.size() &&
           ledger.accepted == model_.accepted && ledger.refused_total() == model_.refused &&
           model_.bytes() <= budget_.limits.data_bytes_max &&
           model_.data() <= budget_.limits.data_messages_max;
  }
  [[nodiscard]] MessageId next_id() { return MessageId{++last_id_}; }

  const Budget& budget_;
  Overflow policy_;
  std::mt19937_64 random_;
  Mailbox mailbox_;
  Model model_;
  std::uint64_t last_id_ = 0;
  int controls_while_full_ = 0;
  bool is_settling_ = false;
};

}  // namespace

TEST_CASE("with any data budget full, control is accepted in order and the bytes are exact",
          "[core]") {
  constexpr std::uint64_t seeds = 40;
  constexpr int steps = 400;
  for (const Budget& budget : budgets) {
    for (const Overflow policy : policies) {
      int controls_while_full = 0;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
        CAPTURE(budget.name, static_cast<int>(policy), seed);
        Trial trial(budget, policy, seed);
        REQUIRE(trial.run(steps));
        controls_while_full += trial.controls_while_full();
      }
      CHECK(controls_while_full > static_cast<int>(seeds) * steps / 10);
    }
  }
}
