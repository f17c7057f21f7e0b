// BYE: the client ends its session.
#include "daemon/gateway/handlers.hpp"

namespace backstage::gateway {

void handle_bye(Connection& connection, const wire::Bye& /*bye*/) {
  connection.say(wire::Farewell{wire::status_ok});
  if (Session* session = connection.session()) session->end_by_client();
}

}  // namespace backstage::gateway
