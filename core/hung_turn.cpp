#include "core/hung_turn.hpp"

#include "core/cell.hpp"

namespace backstage {

void TurnRecord::on_retired(const Cell& cell) noexcept {
  if (cell_ != &cell) return;
  if (is_hung_) {
    retired_name_ = cell.name();
    retired_type_ = cell.type();
  }
  cell_ = nullptr;
}

Duration TurnRecord::budget() const noexcept {
  const ActorTypePtr type = cell_->type_now();
  return type == nullptr ? Duration(turn_budget_default) : type->turn_budget;
}

std::optional<HungTurn> TurnRecord::look(TimePoint now) {
  if (!is_running()) return std::nullopt;
  if (seen_ != number_) {
    seen_ = number_;
    seen_at_ = now;
  }
  const Duration limit = budget();
  if (is_hung_ || limit <= Duration::zero() || now - seen_at_ < limit) return std::nullopt;
  is_hung_ = true;
  return describe(now);
}

HungTurn TurnRecord::describe(TimePoint now) const {
  HungTurn turn;
  if (seen_ == number_) turn.lasting = now - seen_at_;
  if (cell_ == nullptr) {
    turn.actor = retired_name_.text();
    turn.type = retired_type_ == nullptr ? "client" : retired_type_->name;
    turn.doing = token(Phase::ended);
    return turn;
  }
  turn.actor = cell_->name().text();
  const ActorTypePtr type = cell_->type_now();
  turn.type = type == nullptr ? "client" : type->name;
  const auto kind = cell_->handling();
  turn.doing = kind ? name_of(*kind) : token(cell_->phase());
  return turn;
}

}  // namespace backstage
