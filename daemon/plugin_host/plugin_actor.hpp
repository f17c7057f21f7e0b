/// PluginActor: a bs_actor_type and its self, as the engine's Actor. No exception leaves it.
#pragma once
#include <backstage/plugin.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/actor.hpp"
#include "core/context.hpp"
#include "daemon/plugin_host/generation.hpp"

namespace backstage::plugin_host {

class PluginActor final : public Actor {
 public:
  /// `generation` is shared with the factory and all its actors: the code lives while any of them
  /// does. `type` belongs to it.
  PluginActor(std::shared_ptr<Generation> generation, const PluginType& type) noexcept;
  ~PluginActor() override;
  PluginActor(const PluginActor&) = delete;
  PluginActor& operator=(const PluginActor&) = delete;

  /// The plugin's create. Once, before anything else. [actor]
  [[nodiscard]] std::expected<void, Failure> create(Context& context, std::string_view config);
  /// BS_OK is done, BS_STOP stop, a failure carries set_error's text. [actor]
  [[nodiscard]] Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override;

 private:
  const std::shared_ptr<Generation> generation_;
  const PluginType& type_;
  void* self_ = nullptr;
  bool is_created_ = false;  // self may be null in a living actor
};

/// Makes the actors of one type of one generation.
class PluginFactory final : public ActorFactory {
 public:
  PluginFactory(std::shared_ptr<Generation> generation, std::size_t type) noexcept
      : generation_(std::move(generation)), type_(type) {}
  [[nodiscard]] std::expected<std::unique_ptr<Actor>, Failure> create(
      Context& context, std::string_view config) override;

 private:
  const std::shared_ptr<Generation> generation_;  // shared by its factories, so that code stays
  const std::size_t type_;
};

}  // namespace backstage::plugin_host
