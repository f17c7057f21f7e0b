/// PluginSuccession: an actor's self passes from one generation of its plugin to another.
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/succession.hpp"
#include "daemon/plugin_host/generation.hpp"

namespace backstage::plugin_host {

/// How a self of one version becomes one of another.
enum class Passage : std::uint8_t {
  state,  ///< save of the one, load of the other
  fresh,  ///< created anew, as after a restart
  none,   ///< it cannot: it stays what it is
};

/// What became of those that were asked, from whatever thread they ran on.
class Tally {
 public:
  using Outcome = std::pair<ActorId, std::optional<Succession::Hindrance>>;
  /// [any]
  void add(ActorId who, const std::optional<Succession::Hindrance>& why);
  /// Those since the last call, in their order. [any]
  [[nodiscard]] std::vector<Outcome> take();

 private:
  std::mutex mutex_;
  std::vector<Outcome> outcomes_;  // guarded by mutex_
};

class PluginSuccession final : public Succession {
 public:
  /// Heirs are of `to`'s type number `type`. Passage::none makes none.
  PluginSuccession(std::shared_ptr<Generation> to, std::size_t type, Passage passage,
                   std::shared_ptr<Tally> tally) noexcept
      : to_(std::move(to)), type_(type), passage_(passage), tally_(std::move(tally)) {}

  [[nodiscard]] std::expected<Heir, Hindrance> heir_of(Context& context, Actor& present,
                                                       std::string_view config) override;
  void depart(Context& context, Actor& former) noexcept override;
  void settled(ActorId who, const std::optional<Hindrance>& why) noexcept override;

 private:
  const std::shared_ptr<Generation> to_;
  const std::size_t type_;
  const Passage passage_;
  const std::shared_ptr<Tally> tally_;
};

}  // namespace backstage::plugin_host
