// BYE: the client ends its session.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_bye(Session& session, const wire::Bye& /*bye*/) {
  session.say(wire::Farewell{wire::status_ok});
  session.end_by_client();
}

}  // namespace backstage::gateway
