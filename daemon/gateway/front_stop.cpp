// Front's end: draining, BYE, and the end of every cell.
#include <algorithm>
#include <thread>

#include "daemon/gateway/front.hpp"

namespace backstage::gateway {
namespace {

// A cell whose waker is between waking and posting it is not in the list yet, but soon.
constexpr int finish_tries_max = 100'000;

}  // namespace

void Front::begin_draining(std::chrono::milliseconds within) {
  house_.is_draining = true;
  sessions_.end_detached();
  ingest_.close();
  for (auto& [peer, connection] : connections_) {
    if (Session* session = connection.session()) session->say_draining(within);
  }
}

void Front::begin_stop() {
  house_.is_draining = true;
  is_stopping_ = true;
  sessions_.end_detached();
  ingest_.close();
  for (auto& [peer, connection] : connections_) connection.say_stopping();
  pub_.close();
  (void)turn();
}

bool Front::has_cells() const { return pub_.is_open() || sessions_.has_cells(); }

bool Front::is_stopped() const {
  if (has_cells()) return false;
  return std::none_of(connections_.begin(), connections_.end(),
                      [](const auto& entry) { return entry.second.has_waiting(); });
}

void Front::finish_stop() {
  ingest_.give_up();
  for (auto& [peer, connection] : connections_) connection.on_gone();
  for (int tries = 0; tries < finish_tries_max && has_cells(); ++tries) {
    if (!turn()) std::this_thread::yield();
  }
}

}  // namespace backstage::gateway
