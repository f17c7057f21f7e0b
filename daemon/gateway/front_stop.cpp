// Front's end: draining, BYE, and the end of every cell.
#include <thread>

#include "daemon/gateway/front.hpp"

namespace backstage::gateway {
namespace {

// A cell whose waker is between waking and posting it is not in the list yet, but soon.
constexpr int finish_tries_max = 100'000;

}  // namespace

void Front::begin_draining(std::chrono::milliseconds within) {
  house_.is_draining = true;
  ingest_.close();
  for (auto& [peer, session] : sessions_) session->say_draining(within);
}

void Front::begin_stop() {
  house_.is_draining = true;
  is_stopping_ = true;
  ingest_.close();
  for (auto& [peer, session] : sessions_) session->say_stopping();
  pub_.close();
  (void)turn();
}

bool Front::has_cells() const {
  if (pub_.is_open()) return true;
  for (const auto& [peer, session] : sessions_) {
    if (session->has_cell()) return true;
  }
  return false;
}

bool Front::is_stopped() const {
  if (has_cells()) return false;
  for (const auto& [peer, session] : sessions_) {
    if (session->has_waiting()) return false;
  }
  return true;
}

void Front::finish_stop() {
  for (auto& [peer, session] : sessions_) session->on_gone();
  for (int tries = 0; tries < finish_tries_max && has_cells(); ++tries) {
    if (!turn()) std::this_thread::yield();
  }
}

}  // namespace backstage::gateway
