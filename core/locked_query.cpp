// LockedMailbox's answers to those who look from outside: how deep it is, and where a message
// waits.
#include "core/locked_mailbox.hpp"

#include <mutex>

namespace backstage {

LockedMailbox::Depth LockedMailbox::depth() const {
  const std::lock_guard lock(lock_);
  Depth depth;
  depth.data_messages = data_count_;
  depth.data_bytes = data_bytes_;
  depth.control = control_count_;
  depth.limits = options_.limits;
  depth.overflow = options_.overflow;
  if (refusal_ != Errc::no_actor) depth.refuses = refusal_;
  return depth;
}

LockedMailbox::Search LockedMailbox::find(MessageId id, std::uint64_t looks_max) const {
  const std::lock_guard lock(lock_);
  Search search;
  const Envelope* data = data_.head;
  const Envelope* control = control_.head;
  // As take_first would take them.
  for (std::uint64_t ahead = 0; data != nullptr || control != nullptr;) {
    if (search.looked_at == looks_max) {
      search.is_cut = true;
      return search;
    }
    ++search.looked_at;
    const bool is_data =
        control == nullptr || (data != nullptr && data->arrival < control->arrival);
    const Envelope*& at = is_data ? data : control;
    if (at->id == id && is_counted(at->kind)) {
      search.found = Place{at->kind, ahead};
      return search;
    }
    if (is_counted(at->kind)) ++ahead;
    at = at->after;
  }
  return search;
}

}  // namespace backstage
