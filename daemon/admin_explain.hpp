/// The admin door's op explain: what is known of a message, a name or an address, as JSON and as a
/// sentence.
#pragma once
#include "core/clock.hpp"
#include "core/engine.hpp"
#include "daemon/admin_question.hpp"

namespace backstage::daemon {

/// {text, ...facts}. `what` is a number for a message, has a '/' for an address and is a name
/// otherwise; `as` says it where that is not meant. [any]
[[nodiscard]] Answer explain(const Engine& engine, Question& question, TimePoint now);

// What `text` says. [any]
[[nodiscard]] std::string sentence_on(const NameFacts& facts, TimePoint now);
[[nodiscard]] std::string sentence_on(const AddressFacts& facts);
[[nodiscard]] std::string sentence_on(const MessageFacts& facts, TimePoint now);

}  // namespace backstage::daemon
