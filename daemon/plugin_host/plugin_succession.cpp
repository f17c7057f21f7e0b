// Saves the present self, loads the next.
#include "daemon/plugin_host/plugin_succession.hpp"

#include <fmt/format.h>

#include "daemon/plugin_host/plugin_actor.hpp"

namespace backstage::plugin_host {

void Tally::add(ActorId who, const std::optional<Succession::Hindrance>& why) {
  const std::lock_guard lock{mutex_};
  outcomes_.emplace_back(who, why);
}

std::vector<Tally::Outcome> Tally::take() {
  const std::lock_guard lock{mutex_};
  return std::exchange(outcomes_, {});
}

std::expected<Succession::Heir, Succession::Hindrance> PluginSuccession::heir_of(
    Context& context, Actor& present, std::string_view config) {
  // Actors of a plugin's types are made by its factories, so they are PluginActors.
  auto& former = static_cast<PluginActor&>(present);
  auto self = std::make_unique<PluginActor>(to_, to_->types()[type_]);
  if (passage_ == Passage::fresh) {
    auto made = self->create(context, config);
    if (!made) return std::unexpected(Hindrance{std::move(made.error().reason)});
    return Heir{std::move(self), true};
  }
  const auto state = former.save(context);
  if (!state) return std::unexpected(state.error());
  auto made = self->load(context, config, former.type().calls.state_version, *state);
  if (!made) return std::unexpected(Hindrance{std::move(made.error().reason)});
  return Heir{std::move(self), false};
}

void PluginSuccession::depart(Context& context, Actor& former) noexcept {
  static_cast<PluginActor&>(former).give_way(context);
}

void PluginSuccession::settled(ActorId who, const std::optional<Hindrance>& why) noexcept {
  tally_->add(who, why);
}

}  // namespace backstage::plugin_host
