#include "tests/sim/player.hpp"

#include <stdexcept>

namespace backstage::sim {
std::expected<std::unique_ptr<Actor>, Failure> Factory::create(Context& context, std::string_view) {
  Dice& dice = chaos_.dice_;
  if (!chaos_.is_peaceful_ && dice.one_in(12)) return std::unexpected(Failure{"dice"});
  auto player = std::make_unique<Player>(chaos_, false);
  player->begin(context);
  return player;
}

void Player::begin(Context& context) {
  has_begun_ = true;
  chaos_.witness_.begins(self_, context.self());
}

void Player::prepare(Context& context, Dice& dice) {
  has_begun_ = true;
  self_.id = context.self();
  if (!dice.one_in(3)) return;
  const auto timer = context.set_timer(millis(dice.between(1, 200)), {});
  if (!timer) return;
  self_.once.insert(*timer);
  self_.of_beginning.insert(*timer);
}

void Player::follow(Context& context, Player& former, bool is_fresh) {
  subscriptions_ = former.subscriptions_;
  chaos_.witness_.passes(former.self_, self_, is_fresh, context.now());
}

std::expected<Succession::Heir, Succession::Hindrance> PlayerSuccession::heir_of(Context& context,
                                                                                 Actor&,
                                                                                 std::string_view) {
  Dice& dice = chaos_.succession_dice_;
  auto heir = std::make_unique<Player>(chaos_, false);
  heir->prepare(context, dice);
  if (dice.one_in(4)) return std::unexpected(Hindrance{"dice", dice.one_in(2)});
  if (dice.one_in(8)) throw std::runtime_error("dice");
  heir_ = heir.get();
  is_fresh_ = dice.one_in(3);
  return Heir{std::move(heir), is_fresh_};
}

void PlayerSuccession::depart(Context& context, Actor& former) noexcept {
  heir_->follow(context, static_cast<Player&>(former), is_fresh_);
}

void PlayerSuccession::settled(ActorId, const std::optional<Hindrance>& why) noexcept {
  chaos_.journal_.note(why ? why->reason : "succeeded");
  --chaos_.successions_open_;
}

Outcome Player::receive(Context& context, const Envelope& envelope) {
  if (!has_begun_) begin(context);
  Dice& dice = chaos_.dice_;
  if (is_client_ && !chaos_.is_peaceful_ && dice.one_in(6)) return Handled::again;
  chaos_.witness_.receives(self_, envelope);
  auto outcome = act(context, envelope);
  chaos_.witness_.settles(self_, envelope, outcome.has_value());
  return outcome;
}

void Player::ended(Context& context, EndReason reason) noexcept {
  if (!has_begun_) return;
  if (!chaos_.is_peaceful_ && chaos_.dice_.one_in(3)) publish(context);
  chaos_.witness_.ends(self_, reason, context.now());
}

Outcome Player::act(Context& context, const Envelope& envelope) {
  if (chaos_.is_peaceful_) {
    if (envelope.kind == Kind::request) reply(context);
    return Handled::done;
  }
  for (std::uint32_t verbs = chaos_.dice_.below(3); verbs > 0; --verbs) {
    const Verb verb = chaos_.swarm_.draw(chaos_.dice_);
    if (verb == Verb::stop_self) return Handled::stop;
    if (verb == Verb::fail && !is_client_) {
      if (chaos_.dice_.one_in(2)) return std::unexpected(Failure{"dice"});
      chaos_.witness_.settles(self_, envelope, false);
      throw std::runtime_error("dice");
    }
    talk(context, verb);
    listen(context, verb);
    command(context, verb);
    time(context, verb);
  }
  return Handled::done;
}

void Player::talk(Context& context, Verb verb) {
  if (verb == Verb::send) send(context);
  if (verb == Verb::request) request(context);
  if (verb == Verb::reply) reply(context);
  if (verb == Verb::publish) publish(context);
}

void Player::send(Context& context) {
  const auto to = context.resolve(chaos_.any_name());
  if (!to) return;
  const auto number = chaos_.witness_.next_number();
  if (context.send(*to, {{}, chaos_.any_payload(number)})) {
    chaos_.witness_.accepted(number, *to, Kind::send);
  }
}

void Player::request(Context& context) {
  const auto to = context.resolve(chaos_.any_name());
  if (!to) return;
  Dice& dice = chaos_.dice_;
  RequestOptions options;
  options.deadline = millis(dice.between(1, 400));
  options.fail_fast = dice.one_in(3);
  options.may_cycle = dice.one_in(3);
  const auto number = chaos_.witness_.next_number();
  const auto asked = context.request(*to, {"ask", chaos_.any_payload(number)}, options);
  if (!asked) return;
  chaos_.witness_.accepted(number, *to, Kind::request);
  self_.asked.insert(*asked);
  chaos_.witness_.asked({context.self(), *asked}, context.now() + options.deadline);
}

void Player::reply(Context& context) {
  if (self_.open.empty()) return;
  const auto at = chaos_.dice_.below(static_cast<std::uint32_t>(self_.open.size()));
  const RequestRef request = self_.open[at];
  self_.open.erase(self_.open.begin() + at);
  (void)context.reply(request, {{}, Payload("r")});
  if (context.reply(request, {{}, Payload("second")})) {
    chaos_.journal_.violate("I1: a request was answered twice");
  }
}

void Player::publish(Context& context) {
  const auto topic = chaos_.any_topic();
  const auto number = chaos_.witness_.next_number();
  const Payload payload = chaos_.any_payload(number);
  const bool retain = chaos_.dice_.one_in(3);
  const auto published = context.publish(topic, {{}, payload}, {retain});
  if (published) chaos_.witness_.published(*Address::join(context.name(), topic), *published);
}

void Player::listen(Context& context, Verb verb) {
  Dice& dice = chaos_.dice_;
  if (verb == Verb::subscribe) {
    const Pattern pattern = chaos_.any_pattern();
    SubscribeOptions options;
    options.overflow = static_cast<Overflow>(is_client_ ? dice.below(5) : 0);
    options.snapshot = dice.one_in(2);
    const auto subscribed = context.subscribe(pattern, options);
    if (!subscribed) return;
    chaos_.witness_.subscribed(context.self(), is_client_, pattern, options, *subscribed);
    if (!subscribed->existed) subscriptions_.push_back(subscribed->id);
  }
  if (verb == Verb::unsubscribe && !subscriptions_.empty()) {
    const auto at = dice.below(static_cast<std::uint32_t>(subscriptions_.size()));
    const auto id = subscriptions_[at];
    if (context.unsubscribe(id)) chaos_.witness_.unsubscribed(id);
    subscriptions_.erase(subscriptions_.begin() + at);
  }
  const bool monitors = verb == Verb::monitor;
  if (!monitors && verb != Verb::demonitor) return;
  const auto target = chaos_.engine_->find(chaos_.any_name());
  if (!target) return;
  if (monitors && context.monitor(*target)) {
    chaos_.witness_.monitored(context.self(), *target);
  }
  if (!monitors && context.demonitor(*target)) {
    chaos_.witness_.demonitored(context.self(), *target);
  }
}

void Player::command(Context& context, Verb verb) {
  Dice& dice = chaos_.dice_;
  const auto name = chaos_.any_name();
  const auto type = chaos_.any_type();
  SpawnRequest request{.type = type, .name = name};
  if (dice.one_in(3)) request.restart = static_cast<Restart>(dice.below(3));
  if (dice.one_in(3)) request.mailbox = MailboxLimits{dice.below(4), 64};
  request.tell_started = dice.one_in(3);
  if (verb == Verb::spawn) (void)context.spawn(request);
  if (verb == Verb::spawn_child) {
    request.as_child = true;
    (void)context.spawn(request);
  }
  if (verb == Verb::spawn_group) {
    const auto other = chaos_.any_name();
    const SpawnRequest second{.type = type, .name = other};
    const std::array<SpawnRequest, 2> members{request, second};
    (void)context.spawn_group(members);
  }
  const auto target = chaos_.engine_->find(chaos_.any_name());
  if (verb == Verb::detach && target) (void)context.detach(*target);
  if (verb == Verb::stop_other && target) {
    const auto how = static_cast<StopVerb>(dice.below(3));
    const auto deadline =
        dice.one_in(2) ? std::optional<Duration>(millis(dice.below(200))) : std::nullopt;
    (void)context.stop(*target, how, deadline);
  }
}

void Player::time(Context& context, Verb verb) {
  Dice& dice = chaos_.dice_;
  if (verb == Verb::set_timer) {
    const bool is_periodic = dice.one_in(3);
    const Duration delay = millis(dice.below(300));
    const Duration period = is_periodic ? millis(dice.between(20, 300)) : Duration{};
    const auto timer = context.set_timer(delay, period);
    if (timer) (is_periodic ? self_.periodic : self_.once).insert(*timer);
  }
  if (verb != Verb::cancel_timer) return;
  auto& timers = self_.periodic.empty() ? self_.once : self_.periodic;
  if (timers.empty()) return;
  const TimerId timer = *timers.begin();
  if (context.cancel_timer(timer)) timers.erase(timer);
}

}  // namespace backstage::sim
