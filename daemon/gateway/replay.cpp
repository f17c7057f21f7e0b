#include "daemon/gateway/replay.hpp"

#include <algorithm>
#include <tuple>

#include "core/topics.hpp"
#include "daemon/gateway/session.hpp"

namespace backstage::gateway {

namespace {

// Of each address the last number of which nobody knows whether it has arrived.
const auto& unknown(const Flow& flow) noexcept { return flow.acks ? flow.uncertain : flow.handed; }

}  // namespace

Replay::Replay(Session& session) : session_(session) {
  const auto number = [&session](const Step& step) {
    return session.subscriptions.at(step.subscription).number;
  };
  for (const auto& [id, subscription] : session.subscriptions) {
    if (subscription.flow == nullptr) continue;
    for (const auto& [topic, seq] : unknown(*subscription.flow)) steps_.push_back({id, topic, 0});
  }
  std::sort(steps_.begin(), steps_.end(), [&number](const Step& a, const Step& b) {
    return std::tuple(number(a), a.topic->address.text()) <
           std::tuple(number(b), b.topic->address.text());
  });
  const auto gaps = static_cast<std::ptrdiff_t>(steps_.size());
  for (const auto& [id, subscription] : session.subscriptions) {
    if (subscription.flow == nullptr) continue;
    for (const auto& sent : subscription.flow->window.in_flight()) {
      if (!sent.is_acknowledged()) steps_.push_back({id, nullptr, sent.turn});
    }
  }
  std::sort(steps_.begin() + gaps, steps_.end(),
            [](const Step& a, const Step& b) { return a.turn < b.turn; });
}

bool Replay::go_on() {
  for (; told_ < steps_.size(); ++told_) {
    if (!tell(steps_[told_])) return false;
    told_turn_ = steps_[told_].turn;
  }
  return tell_answers();
}

// False: the route takes no more. What was ended or acknowledged meanwhile is passed over.
bool Replay::tell(const Step& step) {
  const auto found = session_.subscriptions.find(step.subscription);
  if (found == session_.subscriptions.end()) return true;
  const auto& [number, pattern, over, is_over, flow] = found->second;
  line_.clear();
  if (step.topic != nullptr) {
    wire::encode(line_, wire::Gap{.sub = number,
                                  .address = step.topic->address.text(),
                                  .first = 0,
                                  .last = unknown(*flow).at(step.topic),
                                  .reason = wire::GapReason::resume});
    return session_.deliver(line_, nullptr) == SendResult::sent;
  }
  const auto* sent = flow->window.find(step.turn);
  if (sent == nullptr) return true;
  if (sent->copy == nullptr) {
    wire::encode(line_, wire::Gap{.sub = number,
                                  .address = sent->address,
                                  .first = sent->seq,
                                  .last = std::max(sent->seq, sent->gap_last),
                                  .reason = wire::GapReason::resume});
    return session_.deliver(line_, nullptr) == SendResult::sent;
  }
  wire::encode(line_, wire::Msg{.sub = number,
                                .address = sent->address,
                                .seq = sent->seq,
                                .sender = shown_sender(sent->copy->sender.text()),
                                .type = sent->copy->type.text(),
                                .snapshot = sent->copy->is_snapshot,
                                .redelivered = true});
  if (session_.deliver(line_, &sent->copy->payload) != SendResult::sent) return false;
  session_.house.counters.redelivered.add();
  return true;
}

bool Replay::tell_answers() {
  auto& waiting = session_.waiting();
  while (!waiting.empty()) {
    const auto& first = waiting.front();
    const auto* payload = first.has_payload ? &first.payload : nullptr;
    if (session_.deliver(first.control, payload) != SendResult::sent) return false;
    waiting.pop_front();
  }
  return true;
}

}  // namespace backstage::gateway
