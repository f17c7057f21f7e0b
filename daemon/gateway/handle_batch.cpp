// BATCH: many messages in one, each executed and answered as if it had been sent alone.
#include "daemon/gateway/batch_entry.hpp"
#include "daemon/gateway/handlers.hpp"
#include "daemon/wire/batch.hpp"

namespace backstage::gateway {

void handle_batch(Connection& connection, const wire::Batch& batch, const Payload& payload) {
  auto reader = wire::BatchReader::open(payload.text(), batch.count);
  if (!reader) {
    return connection.refuse(batch.id, reader.error().status, reader.error().text);
  }
  House& house = connection.house;
  if (house.principals.admit(connection.principal(), house.clock.now(), batch.count).count() != 0) {
    house.counters.over_rate.add();
    return connection.refuse(batch.id, wire::WireErrc::rate);
  }
  house.counters.batches_in.add();
  connection.expect_answers(batch.count);
  while (const auto message = reader->next()) {
    // One of them may have been BYE, or the client is gone: as for what is sent after that.
    if (!connection.is_listening()) {
      house.counters.ignored.add();
      continue;
    }
    BatchEntry entry(payload, *message, connection.peer().user_id);
    connection.execute(entry);
  }
  if (connection.is_listening()) connection.ok({.id = batch.id});
}

}  // namespace backstage::gateway
