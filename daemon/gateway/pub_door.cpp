#include "daemon/gateway/pub_door.hpp"

#include <array>
#include <new>
#include <span>

#include "core/cell.hpp"
#include "core/topics.hpp"
#include "daemon/wire/encode.hpp"

namespace backstage::gateway {
namespace {

// Subscriptions of the engine before one to everything is cheaper (libzmq filters anyway), and well
// below what one actor may have; and how few must be wanted to go back.
constexpr std::size_t patterns_max = 500;
constexpr std::size_t patterns_few = 250;

Pattern everything() { return *Pattern::parse("*/>"); }

void publish_frames(House& house, std::string& header, const Payload& payload) {
  std::array<OutFrame, 2> frames{OutFrame{header}, OutFrame{payload.text(), payload.buffer()}};
  house.counters.published.add();
  if (house.options.pub_frames == 2) return house.transport.publish(frames);
  frames[0].rest = payload.text();
  house.transport.publish(std::span(frames).first(1));
}

}  // namespace

class PubDoor::PubActor final : public Actor {
 public:
  explicit PubActor(PubDoor& door) noexcept : door_(door) {}
  Outcome receive(Context& /*context*/, const Envelope& envelope) override {
    if (envelope.kind == Kind::publish) door_.on_publish(envelope);
    return Handled::done;
  }
  void ended(Context& /*context*/, EndReason /*reason*/) noexcept override {
    door_.cell_ = nullptr;
  }
  bool hear_now(const Envelope& envelope) noexcept override try {
    door_.on_publish(envelope);
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

 private:
  PubDoor& door_;
};

Result<void> PubDoor::open() {
  const auto& limits = house_.options.limits;
  Mailbox::Options mailbox;
  mailbox.limits = {.data_messages_max = limits.pub_messages_max,
                    .data_bytes_max = limits.pub_bytes_max};
  const auto cell =
      house_.engine.attach("$pub", std::make_unique<PubActor>(*this), house_.ready, mailbox);
  if (!cell) return Refused(cell.error());
  cell_ = *cell;
  cell_id_ = house_.engine.context_of(*cell_).self();
  return {};
}

void PubDoor::close() {
  if (cell_ != nullptr) cell_->signal(Signal::shutdown, cell_id_);
}

void PubDoor::on_filter(std::string_view filter, bool is_added) {
  if (cell_ == nullptr) return;
  const auto change = is_added ? filters_.add(filter) : filters_.remove(filter);
  if (change.what == Filters::Added::full) {
    house_.counters.filters_refused.add();
    house_.events.filter_refused(filter);
  }
  if (change.what != Filters::Added::fresh) return;
  if (is_added) {
    house_.counters.filters.add();
  } else {
    house_.counters.filters.take();
  }
  if (!change.pattern) return;
  if (is_added) {
    want(*change.pattern);
  } else {
    unwant(*change.pattern);
  }
}

void PubDoor::want(const Pattern& pattern) {
  wanted_.insert_or_assign(pattern.text(), pattern);
  if (is_wide_) return;
  if (wanted_.size() > patterns_max) return widen();
  subscribe(pattern);
}

void PubDoor::unwant(const Pattern& pattern) {
  wanted_.erase(pattern.text());
  if (!is_wide_) return unsubscribe(pattern);
  if (wanted_.size() <= patterns_few) narrow();
}

// The new subscriptions first, so that nothing is missed; what comes twice is told by its number.
void PubDoor::widen() {
  is_wide_ = true;
  subscribe(everything());
  for (const auto& [text, pattern] : wanted_) {
    if (pattern != everything()) unsubscribe(pattern);
  }
}

void PubDoor::narrow() {
  is_wide_ = false;
  for (const auto& [text, pattern] : wanted_) subscribe(pattern);
  if (!wanted_.contains(everything().text())) unsubscribe(everything());
}

void PubDoor::subscribe(const Pattern& pattern) {
  const auto done = house_.engine.context_of(*cell_).subscribe(
      pattern, {.overflow = Overflow::drop_newest, .snapshot = false});
  if (done) {
    subscriptions_.insert_or_assign(pattern.text(), done->id);
  } else {
    house_.counters.filters_refused.add();
    house_.events.filter_refused(pattern.text());
  }
}

void PubDoor::unsubscribe(const Pattern& pattern) {
  const auto found = subscriptions_.find(pattern.text());
  if (found == subscriptions_.end()) return;
  (void)house_.engine.context_of(*cell_).unsubscribe(found->second);
  subscriptions_.erase(found);
  if (subscriptions_.empty()) last_seq_.clear();
}

void PubDoor::on_publish(const Envelope& envelope) {
  auto& last = last_seq_[envelope.topic];
  if (envelope.seq <= last) return;
  last = envelope.seq;
  header_.clear();
  wire::encode(header_, wire::PubHeader{.address = envelope.topic->address.text(),
                                        .seq = envelope.seq,
                                        .epoch = house_.options.epoch,
                                        .sender = shown_sender(envelope.sender_name.text())});
  publish_frames(house_, header_, envelope.payload);
}

void PubDoor::tick() {
  if (cell_ != nullptr) publish_mark(mark("$sys/tick", ++ticks_));
}

void PubDoor::sync(std::string_view token) {
  const auto header = mark(std::string("$sys/sync/").append(token), 0);
  if (filters_.covers(header)) publish_mark(header);
}

// One of the daemon's own: `address|number|epoch|backstaged`, without payload.
std::string PubDoor::mark(std::string_view address, std::uint64_t number) const {
  std::string header;
  wire::encode(
      header,
      wire::PubHeader{
          .address = address, .seq = number, .epoch = house_.options.epoch, .sender = daemon_name});
  return header;
}

void PubDoor::publish_mark(const std::string& header) {
  header_ = header;
  publish_frames(house_, header_, Payload());
}

}  // namespace backstage::gateway
