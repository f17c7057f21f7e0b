/// Ids: strong types, never bare integers. All are values; none owns what it names.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>

namespace backstage {

/// One life of one actor: a slot of the directory and which life of that slot. A restart keeps the
/// id; an end retires it, and the slot's next actor has another generation.
struct ActorId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;  ///< 0: nobody

  friend constexpr auto operator<=>(ActorId, ActorId) = default;
  [[nodiscard]] constexpr bool is_nobody() const noexcept { return generation == 0; }
};
inline constexpr ActorId nobody{};

/// Counts up from 1 within one daemon start.
enum class MessageId : std::uint64_t {};
enum class SubscriptionId : std::uint64_t {};
/// Counts up from 1 within one actor's life.
enum class TimerId : std::uint64_t {};
enum class RequestId : std::uint64_t {};

/// An open request as its receiver knows it: storable, answerable in a later turn.
struct RequestRef {
  ActorId from;
  RequestId id{};

  friend constexpr auto operator<=>(RequestRef, RequestRef) = default;
};

}  // namespace backstage

template <>
struct std::hash<backstage::ActorId> {
  std::size_t operator()(backstage::ActorId id) const noexcept {
    return (std::size_t{id.generation} << 32U | id.slot) * 0x9E3779B97F4A7C15U;
  }
};
template <>
struct std::hash<backstage::RequestRef> {
  std::size_t operator()(const backstage::RequestRef& ref) const noexcept {
    return std::hash<backstage::ActorId>{}(ref.from) ^
           (static_cast<std::size_t>(ref.id) * 0xC2B2AE3D27D4EB4FU);
  }
};
