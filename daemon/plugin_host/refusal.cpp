// Tokens and texts of the host's refusals.
#include "daemon/plugin_host/refusal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace backstage::plugin_host {
namespace {

constexpr std::array<std::string_view, code_count> tokens{
    "STAGING_FAILED",      "LIBRARY_MISSING", "LIBRARY_TOO_OLD", "SYMBOL_MISSING", "STATIC_TLS",
    "NOT_EXECUTABLE",      "LOAD_FAILED",     "NO_ENTRY",        "ENTRY_REFUSED",  "DESCRIPTOR_BAD",
    "DESCRIPTOR_MISMATCH", "INIT_FAILED",     "DUPLICATE_ID",    "DUPLICATE_TYPE", "OLDER_VERSION",
    "TYPE_REFUSED",        "PRIVATE_LIBRARY", "INCOMPATIBLE",    "UPGRADE_FAILED", "ROLLED_BACK",
    "TRIAL_FAILED",        "TRIAL_CRASHED",   "TRIAL_HUNG",      "TRIAL_EXITED",   "TRIAL_MEDDLED",
    "QUARANTINED",
};

}  // namespace

std::string_view token(Code code) noexcept { return tokens[static_cast<std::size_t>(code)]; }

std::string_view known_token(std::string_view text) noexcept {
  if (const auto found = std::ranges::find(tokens, text); found != tokens.end()) return *found;
  const auto code = plugin_gate::code_of(text);
  return code ? plugin_gate::token(*code) : std::string_view{};
}

std::string Refusal::text() const { return fmt::format("{}: {}; {} [{}]", file, cause, fix, code); }

std::unexpected<Refusal> refuse(Code code, std::string_view file, std::string_view cause,
                                std::string_view fix) {
  return std::unexpected(Refusal{token(code), plugin_gate::printable(file),
                                 plugin_gate::printable(cause, cause_bytes_max),
                                 plugin_gate::printable(fix)});
}

Refusal refusal_of(plugin_gate::Rejection rejection) {
  return {plugin_gate::token(rejection.code), std::move(rejection.file), std::move(rejection.cause),
          std::move(rejection.fix)};
}

}  // namespace backstage::plugin_host
