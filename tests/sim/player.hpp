// Player: an actor or client of a chaotic run; each handler throws the dice.
#pragma once
#include <vector>

#include "core/succession.hpp"
#include "tests/sim/chaos.hpp"

namespace backstage::sim {

class Player final : public Actor {
 public:
  Player(Chaos& chaos, bool is_client) : chaos_(chaos), is_client_(is_client) {}
  void begin(Context& context);
  Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override;
  // In the place of `former`, which is not told of its end.
  void follow(Context& context, Player& former, bool is_fresh);
  // May set a timer, as a self does that is being made.
  void prepare(Context& context, Dice& dice);

 private:
  Outcome act(Context& context, const Envelope& envelope);
  void talk(Context& context, Verb verb);
  void listen(Context& context, Verb verb);
  void command(Context& context, Verb verb);
  void time(Context& context, Verb verb);
  void send(Context& context);
  void request(Context& context);
  void reply(Context& context);
  void publish(Context& context);

  Chaos& chaos_;
  const bool is_client_;
  bool has_begun_ = false;
  Self self_;
  std::vector<SubscriptionId> subscriptions_;
};

// Players pass to players: with the former's books or without, or not at all.
class PlayerSuccession final : public Succession {
 public:
  explicit PlayerSuccession(Chaos& chaos) : chaos_(chaos) {}
  std::expected<Heir, Hindrance> heir_of(Context& context, Actor& present,
                                         std::string_view config) override;
  void depart(Context& context, Actor& former) noexcept override;
  void settled(ActorId who, const std::optional<Hindrance>& why) noexcept override;

 private:
  Chaos& chaos_;
  Player* heir_ = nullptr;
  bool is_fresh_ = false;
};

class Factory final : public ActorFactory {
 public:
  explicit Factory(Chaos& chaos) : chaos_(chaos) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view config) override;

 private:
  Chaos& chaos_;
};

}  // namespace backstage::sim
