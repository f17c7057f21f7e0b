#include "daemon/gateway/last_line.hpp"

#include <variant>

#include "daemon/wire/decode.hpp"

namespace backstage::gateway {
namespace {

bool is_streamed(const wire::Command& command) noexcept {
  const bool is_data =
      std::holds_alternative<wire::Publish>(command) || std::holds_alternative<wire::Send>(command);
  return is_data && wire::id_of(command) == 0;
}

}  // namespace

void LastLine::note(std::string_view control, const wire::Command& command) {
  if (!is_streamed(command)) return;
  if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  kept_->command.reset();
  if (control != kept_->line) {
    kept_->line.assign(control);
  } else if (auto decoded = wire::decode(kept_->line)) {
    kept_->command = *std::move(decoded);
  }
}

}  // namespace backstage::gateway
