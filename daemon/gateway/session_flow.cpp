// Session's paced subscriptions: what is in flight, what waits, and what a resume must know.
#include <utility>

#include "core/topics.hpp"
#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

auto Session::find(const Pattern& pattern) -> std::map<SubscriptionId, Subscription>::iterator {
  return subscriptions.find(context().subscription_of(pattern));
}

void Session::pace(SubscriptionId id, std::uint32_t window, bool ack) {
  Subscription& subscription = subscriptions.at(id);
  if (subscription.flow == nullptr) {
    if (window == 0 && !ack && !is_kept()) return;
    subscription.flow = std::make_unique<Flow>();
    subscription.flow->is_single =
        subscription.pattern.text().find_first_of("*>") == std::string_view::npos;
    if (flows_ == nullptr) flows_ = std::make_unique<Flows>();
    flows_->by_number.emplace(subscription.number, id);
  }
  Flow& flow = *subscription.flow;
  if (!std::exchange(flow.acks, ack) && ack) flow.uncertain = flow.handed;
  if (!ack) flow.uncertain.clear();
  flow.window.set_messages_max(window == 0 && ack ? window_default : window);
  if (!flow.is_counted()) {
    const auto before = flow.window.bytes();
    flow.window.forget_marks_and_gaps();
    count_in_flight(before, flow.window.bytes());
  }
  hold_or_release(id, flow);
}

void Session::on_handed(SubscriptionId id, Subscription& subscription, const Envelope& envelope) {
  Flow& flow = *subscription.flow;
  const bool is_gap = envelope.kind == Kind::gap;
  if (is_kept()) {
    auto& last = flow.handed[envelope.topic];
    if (last == 0) ++flows_->handed_addresses;
    last = std::max({last, envelope.seq, is_gap ? envelope.seq_last : 0});
  }
  const bool keeps = flow.acks && is_kept();
  if (!flow.is_counted() || (is_gap && !keeps)) return;
  DeliveryWindow::Sent sent{.turn = ++flows_->deliveries,
                            .address = envelope.topic->address.text(),
                            .seq = envelope.seq,
                            .gap_last = is_gap ? envelope.seq_last : 0};
  if (keeps && !is_gap) {
    sent.copy = std::make_unique<DeliveryWindow::Copy>(envelope.sender_name, envelope.type,
                                                       envelope.payload, envelope.is_snapshot);
  }
  const auto before = flow.window.bytes();
  flow.window.add(std::move(sent));
  count_in_flight(before, flow.window.bytes());
  hold_or_release(id, flow);
}

bool Session::acknowledge(const wire::Ack& ack) {
  if (flows_ == nullptr || !flows_->by_number.contains(ack.sub)) {
    return std::any_of(subscriptions.begin(), subscriptions.end(),
                       [&ack](const auto& one) { return one.second.number == ack.sub; });
  }
  const SubscriptionId id = flows_->by_number.at(ack.sub);
  const auto& subscription = subscriptions.at(id);
  Flow& flow = *subscription.flow;
  const auto before = flow.window.bytes();
  if (!cover(ack, subscription)) return true;
  house.counters.acknowledged.add();
  count_in_flight(before, flow.window.bytes());
  hold_or_release(id, flow);
  return true;
}

// False: nothing new.
bool Session::cover(const wire::Ack& ack, const Subscription& subscription) {
  DeliveryWindow& window = subscription.flow->window;
  const bool is_single = subscription.flow->is_single;
  if (!ack.actor.empty()) {
    std::string address(ack.actor);
    address.append(1, '/').append(ack.topic);
    if (!is_single) return window.acknowledge_of(address, ack.seq);
    if (address != subscription.pattern) return false;
  }
  // While a resume is told, a number that several addresses share means one that was told.
  const bool is_told = replay_ == nullptr || is_single;
  const auto turn_max = is_told ? DeliveryWindow::any_turn : replay_->told_turn();
  return window.acknowledge(ack.seq, is_single, turn_max);
}

// Mail of a subscription that may have no more in flight waits in the mailbox, where it is bounded
// and `over=` decides.
void Session::hold_or_release(SubscriptionId id, Flow& flow) {
  const bool must_wait = flow.is_counted() && (flow.window.is_full() || is_over_budget_);
  if (must_wait && flow.is_ending) return context().lose_all_of(id);
  if (must_wait == flow.is_held) return;
  flow.is_held = must_wait;
  if (must_wait) {
    house.counters.windows_shut.add();
    return context().hold_back(id);
  }
  context().let_through(id);
  raise(Signal::resume);
}

// The books of what is in flight may hold as much as the mailbox. Over it everything waits that
// would add to them.
void Session::count_in_flight(std::uint64_t before, std::uint64_t after) {
  flows_->in_flight_bytes += after - before;
  const bool is_over = flows_->in_flight_bytes >= house.options.limits.session_bytes_max;
  if (is_over == is_over_budget_) return;
  is_over_budget_ = is_over;
  for (const auto& [number, id] : flows_->by_number)
    hold_or_release(id, *subscriptions.at(id).flow);
}

void Session::end_flow(SubscriptionId id) {
  Subscription& subscription = subscriptions.at(id);
  subscription.is_over = true;
  --subscribed;
  --principal_.subscriptions;
  const auto& flow = subscription.flow;
  if (flow == nullptr) return;
  flow->is_ending = true;
  if (std::exchange(flow->is_held, false)) context().lose_all_of(id);
}

void Session::forget_subscription(SubscriptionId id) {
  const auto found = subscriptions.find(id);
  if (found == subscriptions.end()) return;
  auto [number, pattern, over, is_over, flow] = std::move(found->second);
  subscriptions.erase(found);
  if (flow == nullptr) return;
  flows_->by_number.erase(number);
  flows_->handed_addresses -= flow->handed.size();
  count_in_flight(flow->window.bytes(), 0);
}

}  // namespace backstage::gateway
