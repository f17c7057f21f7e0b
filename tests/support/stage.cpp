// Stage's longer parts.
#include "tests/support/stage.hpp"

#include <cstdlib>

#include "core/topics.hpp"

namespace backstage::test {
namespace {

class ScriptedFactory final : public ActorFactory {
 public:
  explicit ScriptedFactory(std::shared_ptr<Script> script) : script_(std::move(script)) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view) override {
    ++script_->created;
    if (script_->create) {
      if (auto outcome = script_->create(context); !outcome) {
        return std::unexpected(outcome.error());
      }
    }
    return std::make_unique<ScriptedActor>(script_);
  }

 private:
  std::shared_ptr<Script> script_;
};

Got copy_of(const Envelope& envelope) {
  Got got;
  got.kind = envelope.kind;
  got.text = envelope.payload.text();
  got.type = envelope.type;
  got.from = envelope.sender_name.text();
  if (envelope.topic != nullptr) got.address = envelope.topic->address.text();
  got.seq = envelope.seq;
  got.is_error = envelope.is_error;
  got.error = envelope.error;
  got.is_snapshot = envelope.is_snapshot;
  got.request = envelope.request_ref();
  got.sender = envelope.sender;
  got.timer = envelope.timer;
  return got;
}

}  // namespace

ManualExecutor::ManualExecutor() {
  const char* const given = std::getenv("BACKSTAGE_TEST_LANE");
  const std::string_view lane = given == nullptr ? "home" : given;
  has_home_ = lane != "locked";
  is_afar_ = lane == "afar";
  come_home();
}

ManualExecutor::~ManualExecutor() { Home::settle(home_before_); }

void ManualExecutor::post(Cell& cell) noexcept {
  if (cell.mailbox().home() == nullptr && !is_afar_) {
    runnable_.push_back({&cell, false});
  } else if (is_afar_) {
    if (cell.notice()) runnable_.push_back({&cell, true});
  } else {
    const Home::Guard guard(home_);
    if (cell.post_at(home_) == Mailbox::Posted::runs) runnable_.push_back({&cell, false});
  }
}

bool ManualExecutor::run_one() {
  while (!runnable_.empty()) {
    const std::size_t at =
        random_ == nullptr ? 0 : static_cast<std::size_t>((*random_)() % runnable_.size());
    const Runnable next = runnable_[at];
    runnable_.erase(runnable_.begin() + static_cast<std::ptrdiff_t>(at));
    if (next.is_told && !is_to_run(*next.cell)) continue;
    if (next.cell->drain()) runnable_.push_back({next.cell, false});
    Hearing::flush();
    return true;
  }
  return false;
}

bool ManualExecutor::is_to_run(Cell& cell) {
  const Home::Guard guard(home_);
  return cell.noticed(home_) == Mailbox::Posted::runs;
}

Outcome ScriptedActor::receive(Context& context, const Envelope& envelope) {
  script_->got.push_back(copy_of(envelope));
  return script_->receive ? script_->receive(context, envelope) : Outcome(Handled::done);
}

Stage::Stage(Limits limits) : engine({clock, executor, alarm, faults, record}, limits) {}

std::shared_ptr<Script> Stage::type(std::string name, Handler receive, ActorType settings) {
  auto script = std::make_shared<Script>();
  script->receive = std::move(receive);
  settings.name = std::move(name);
  settings.factory = std::make_shared<ScriptedFactory>(script);
  if (!engine.add_type(std::move(settings))) throw std::logic_error("the type exists");
  return script;
}

ActorId Stage::spawn(std::string_view type, std::string_view name, std::string_view config) {
  const auto spawned = engine.spawn({.type = type, .name = name, .config = config});
  if (!spawned) throw std::logic_error(std::string(sentence(spawned.error())));
  settle();
  return spawned->id;
}

Cell& Stage::client(std::string_view name, std::shared_ptr<Script> script,
                    Mailbox::Options mailbox) {
  auto actor = std::make_unique<ScriptedActor>(std::move(script));
  auto cell = engine.attach(name, std::move(actor), executor, mailbox);
  if (!cell) throw std::logic_error(std::string(sentence(cell.error())));
  settle();
  return **cell;
}

bool Stage::settle() {
  for (int turns = 0; turns < 1'000'000; ++turns) {
    if (!step()) return true;
  }
  return false;
}

void Stage::advance(Duration duration) {
  const TimePoint end = clock.now() + duration;
  settle();
  for (TimePoint next = engine.fire_due(clock.now()); next <= end;
       next = engine.fire_due(clock.now())) {
    settle();
    clock.set(std::max(next, clock.now()));
    (void)engine.fire_due(clock.now());
    settle();
  }
  clock.set(end);
  settle();
}

std::vector<std::string> texts(const Script& script, Kind kind) {
  std::vector<std::string> all;
  for (const auto& got : script.got) {
    if (got.kind == kind) all.push_back(got.text);
  }
  return all;
}

}  // namespace backstage::test
