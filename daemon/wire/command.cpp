#include "daemon/wire/command.hpp"

namespace backstage::wire {

std::uint64_t id_of(const Command& command) noexcept {
  return std::visit([](const auto& verb) { return verb.id; }, command);
}

bool needs_id(const Command& command) noexcept {
  const Verb verb = verb_of(command);
  return verb == Verb::req || verb == Verb::get;
}

std::string_view reserved_part(const Command& command) noexcept {
  switch (verb_of(command)) {
    case Verb::ack:
    case Verb::batch:
    case Verb::watch:
    case Verb::unwatch:
      return text(verb_of(command));
    case Verb::hello: {
      const auto& hello = std::get<Hello>(command);
      if (!hello.resume.empty()) return "resume=";
      if (hello.ttl.count() != 0) return "ttl=";
      if (hello.heartbeat.count() != 0) return "hb=";
      if (hello.batch) return "batch=";
      return {};
    }
    case Verb::sub: {
      const auto& subscribe = std::get<Subscribe>(command);
      if (subscribe.window != 0) return "window=";
      if (subscribe.ack) return "ack=";
      return {};
    }
    default:
      return {};
  }
}

}  // namespace backstage::wire
