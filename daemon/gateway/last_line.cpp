#include "daemon/gateway/last_line.hpp"

#include <algorithm>
#include <variant>

#include "daemon/wire/decode.hpp"

namespace backstage::gateway {
namespace {

constexpr std::string_view id_option = " id=";
// No number of so many digits is too large. Of longer ones, and of those that begin with a 0, the
// grammar decides.
constexpr std::size_t id_digits_max = 18;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool is_streamed(const wire::Command& command) noexcept {
  return std::holds_alternative<wire::Publish>(command) ||
         std::holds_alternative<wire::Send>(command) ||
         std::holds_alternative<wire::Request>(command);
}

// Of commands that are streamed.
bool has_id_of(const auto& verb) noexcept {
  if constexpr (requires { verb.id; }) return verb.id != 0;
  return false;
}

}  // namespace

// Whether it is the kept line but for the number of its id, which `id` becomes.
bool LastLine::is_as_kept(std::string_view control, std::uint64_t& id) const noexcept {
  const std::string_view line = kept_->line;
  if (kept_->id_begin == line.size()) return control == line;
  if (!control.starts_with(line.substr(0, kept_->id_begin))) return false;
  std::size_t at = kept_->id_begin;
  if (at == control.size() || control[at] == '0') return false;
  for (; at < control.size() && is_digit(control[at]); ++at) {
    id = id * 10 + static_cast<std::uint64_t>(control[at] - '0');
  }
  const std::size_t digits = at - kept_->id_begin;
  return digits != 0 && digits <= id_digits_max && control.substr(at) == line.substr(kept_->id_end);
}

const wire::Command* LastLine::find(std::string_view control) noexcept {
  if (kept_ == nullptr || !kept_->command) return nullptr;
  std::uint64_t id = 0;
  if (!is_as_kept(control, id)) return nullptr;
  *kept_->id = id;
  return &*kept_->command;
}

void LastLine::note(std::string_view control, const wire::Command& command) {
  if (!is_streamed(command)) return;
  if (kept_ == nullptr) kept_ = std::make_unique<Kept>();
  kept_->command.reset();
  std::uint64_t id = 0;
  if (is_as_kept(control, id)) {
    auto decoded = wire::decode(kept_->line);
    if (!decoded) return;
    kept_->command = *std::move(decoded);
    kept_->id = std::visit([](auto& verb) { return &verb.id; }, *kept_->command);
    return;
  }
  const auto option = control.find(id_option);
  // `id!=` is rare, and decoded each time.
  const bool has_id = std::visit([](const auto& verb) { return has_id_of(verb); }, command);
  if (has_id != (option != std::string_view::npos)) return kept_.reset();
  kept_->line.assign(control);
  kept_->id_begin = option == std::string_view::npos ? control.size() : option + id_option.size();
  kept_->id_end = kept_->id_begin;
  while (kept_->id_end < control.size() && is_digit(control[kept_->id_end])) ++kept_->id_end;
}

}  // namespace backstage::gateway
