/// Succession: the self of a living actor gives way to one of another version of its type.
///
/// Mailbox, name, address, monitors, subscriptions and children belong to the engine and stay. The
/// change happens in a turn of the actor's own, and either wholly or not at all: until the next
/// self is made, the present one is only read; what making a self that fails did of subscriptions,
/// timers, monitors, requests and children is undone (interest that it watched stays watched).
///
/// An heir that took the present self's state takes over its open requests, those it asked, and the
/// timers that handlers set; timers set while the present self was made (by create or load) end
/// with it, because making the heir sets its own. One that begins fresh is as after a restart: no
/// timers, who waits for an answer is told actor_failed, and answers to what was asked are dropped.
#pragma once
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/actor.hpp"
#include "core/ids.hpp"

namespace backstage {

enum class SuccessionTime : std::uint8_t {
  next_turn,    ///< before any other mail
  behind_mail,  ///< the present self handles what is in the mailbox now
};

class Succession {
 public:
  /// Why the present self stays.
  struct Hindrance {
    std::string reason;
    bool is_busy = false;  ///< it is in the middle of something: asked again later it may give way
    bool is_over = false;  ///< the actor has ended, or will never have another self
  };
  struct Heir {
    std::unique_ptr<Actor> self;
    bool is_fresh = false;  ///< it has none of the present self's state
  };

  virtual ~Succession() = default;
  /// Makes the next self of `present`, which it does not change. An exception is a hindrance.
  /// [actor]
  [[nodiscard]] virtual std::expected<Heir, Hindrance> heir_of(Context& context, Actor& present,
                                                               std::string_view config) = 0;
  /// The heir has taken over; the last that is done with the former self. [actor]
  virtual void depart(Context& context, Actor& former) noexcept = 0;
  /// Once for each actor that was asked: nothing, its present or next self is of the new type; or
  /// why not. Must not call the engine. [any]
  virtual void settled(ActorId who, const std::optional<Hindrance>& why) noexcept = 0;
};

}  // namespace backstage
