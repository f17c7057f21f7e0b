/// PluginActor: a bs_actor_type and its self, as the engine's Actor. No exception leaves it.
#pragma once
#include <backstage/plugin.h>

#include <cstddef>
#include <memory>
#include <string_view>

#include "core/actor.hpp"
#include "core/context.hpp"
#include "core/succession.hpp"
#include "daemon/plugin_host/generation.hpp"

namespace backstage::plugin_host {

class Call;
struct ReceiveCall;

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
  /// In the place of create: from what the plugin's save wrote in `version`. [actor]
  [[nodiscard]] std::expected<void, Failure> load(Context& context, std::string_view config,
                                                  std::uint32_t version, std::string_view state);
  /// Its state; it goes on as before. [actor]
  [[nodiscard]] std::expected<std::string, Succession::Hindrance> save(Context& context);
  /// Its state lives on in an heir. Instead of `ended`. [actor]
  void give_way(Context& context) noexcept;
  [[nodiscard]] const Generation& generation() const noexcept { return *generation_; }
  [[nodiscard]] HostApi& host() const noexcept { return generation_->host(); }
  [[nodiscard]] const PluginType& type() const noexcept { return type_; }

  /// BS_OK is done, BS_STOP stop, a failure carries set_error's text. [actor]
  [[nodiscard]] Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override;
  [[nodiscard]] std::string_view type_name() const noexcept { return type_.name; }

 private:
  void on_made() noexcept;
  [[nodiscard]] Outcome receive_more(Context& context, const Envelope& envelope);
  [[nodiscard]] Outcome receive_in_new_range(Context& context, const Envelope& envelope);
  [[nodiscard]] static Outcome receive_by(const ReceiveCall& call);
  [[nodiscard]] static Outcome failed(const Call& call, bs_status status);
  [[nodiscard]] static Outcome escaped(const Call& call);
  void destroy(Context& context, std::int32_t reason) noexcept;

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
