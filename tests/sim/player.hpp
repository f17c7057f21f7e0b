// Player: an actor or client of a chaotic run; each handler throws the dice.
#pragma once
#include <vector>

#include "tests/sim/chaos.hpp"

namespace backstage::sim {

class Player final : public Actor {
 public:
  Player(Chaos& chaos, bool is_client) : chaos_(chaos), is_client_(is_client) {}
  void begin(Context& context);
  Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override;

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

class Factory final : public ActorFactory {
 public:
  explicit Factory(Chaos& chaos) : chaos_(chaos) {}
  std::expected<std::unique_ptr<Actor>, Failure> create(Context& context,
                                                        std::string_view config) override;

 private:
  Chaos& chaos_;
};

}  // namespace backstage::sim
