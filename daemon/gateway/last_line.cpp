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
  command_.reset();
  if (control != line_) {
    line_.assign(control);
  } else if (auto decoded = wire::decode(line_)) {
    command_ = *std::move(decoded);
  }
}

}  // namespace backstage::gateway
