/// ClientActor: a connected client as an actor: what its mailbox holds becomes lines on its wire.
#pragma once
#include <utility>

#include "core/actor.hpp"
#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

/// Owned by its cell; the session outlives it. [gateway]
class ClientActor final : public Actor {
 public:
  explicit ClientActor(Session& session) noexcept : session_(session) {}

  /// Handled::again while the transport would block: the message stays at the head of the mailbox.
  [[nodiscard]] Outcome receive(Context& context, const Envelope& envelope) override;
  void ended(Context& context, EndReason reason) noexcept override;
  [[nodiscard]] bool hear_now(const Envelope& envelope) noexcept override;

 private:
  [[nodiscard]] Outcome on_mail(Context& context, const Envelope& envelope);
  [[nodiscard]] Outcome on_publish(const Envelope& envelope);
  [[nodiscard]] Outcome on_gap(const Envelope& envelope);
  [[nodiscard]] Outcome on_reply(const Envelope& envelope);
  [[nodiscard]] Outcome on_barrier(const Envelope& envelope);
  [[nodiscard]] Outcome on_down(const Envelope& envelope);
  [[nodiscard]] bool has_room_for_request(TimePoint now);
  void note_handed(std::pair<const SubscriptionId, Session::Subscription>& entry,
                   const Envelope& envelope);
  template <class Line>
  [[nodiscard]] bool say(const Line& line, const Payload* payload);

  Session& session_;
};

}  // namespace backstage::gateway
