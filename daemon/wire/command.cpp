#include "daemon/wire/command.hpp"

namespace backstage::wire {

std::uint64_t id_of(const Command& command) noexcept {
  return std::visit([](const auto& verb) { return verb.id; }, command);
}

bool needs_id(const Command& command) noexcept {
  const Verb verb = verb_of(command);
  return verb == Verb::req || verb == Verb::get;
}

}  // namespace backstage::wire
