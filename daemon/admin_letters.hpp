/// The admin door's ops on dead letters: dead_letters, replay, drop_letters.
#pragma once
#include <string_view>

#include "core/clock.hpp"
#include "core/engine.hpp"
#include "daemon/admin_question.hpp"

namespace backstage::daemon {

/// Of one answer; with its payloads it has to fit into one message.
inline constexpr std::uint64_t letters_listed_max = 1000;
inline constexpr std::uint64_t letters_listed_default = 100;
/// Of one payload, more is cut off.
inline constexpr std::size_t payload_shown_bytes_max = 64U << 10U;

/// {dead_letters[], matched, offset[, next], causes{cause: counts}} [any]
[[nodiscard]] Answer list_letters(Engine& engine, Question& question, TimePoint now);
/// {replayed, refused, refusals[]} [any]
[[nodiscard]] Answer replay_letters(Engine& engine, Question& question);
/// {dropped} [any]
[[nodiscard]] Answer drop_letters(Engine& engine, Question& question);

[[nodiscard]] Json to_json(const DeadLetter& letter, TimePoint now);
/// As text if it is printable UTF-8, else as base64; cut at `bytes_max`, and then it says so.
void show_payload(Json& json, std::string_view payload, std::size_t bytes_max);

}  // namespace backstage::daemon
