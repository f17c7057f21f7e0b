// UNSUB: no MSG of the subscription comes after its OK.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_unsub(Session& session, const wire::Unsubscribe& unsubscribe) {
  const auto found = session.find(unsubscribe.pattern);
  if (found == session.subscriptions.end()) return session.refuse(unsubscribe.id, Errc::no_sub);
  const SubscriptionId subscription = found->first;
  auto context = session.context();
  if (const auto done = context.unsubscribe(subscription); !done) {
    return session.refuse(unsubscribe.id, done.error());
  }
  session.end_flow(subscription);
  // What it has brought already is still in the mailbox; the OK goes behind it.
  const RequestId barrier{++session.last_barrier};
  session.barriers.emplace(barrier, Session::Ending{unsubscribe.id, subscription});
  context.note_to_self(barrier);
}

}  // namespace backstage::gateway
