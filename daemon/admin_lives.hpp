/// The admin door's ops on the lives of actors: spawn (what it asks for), stop, unpark.
#pragma once
#include <expected>

#include "core/clock.hpp"
#include "core/engine.hpp"
#include "daemon/admin_question.hpp"
#include "daemon/config/config.hpp"

namespace backstage::daemon {

/// The spawn that is asked for: {type, name[, config, mailbox, overflow, restart]}, as an actor of
/// the config is. What it may say is judged by the config's schema. Errors: bad_arg. [any]
[[nodiscard]] std::expected<config::ActorConfig, Refusal> asked_actor(Question& question);
/// The limits that actors of a type have; the engine's own for an unknown one. [any]
[[nodiscard]] MailboxLimits mailbox_of(const Engine& engine, std::string_view type);

/// {name} [any]
[[nodiscard]] Answer stop_actor(Engine& engine, Question& question);
/// {name}; without a name {parked[], total}: those that wait for it. [any]
[[nodiscard]] Answer unpark_actor(Engine& engine, Question& question, TimePoint now);

}  // namespace backstage::daemon
