// Envelopes become bs_msg, statuses become outcomes.
#include "daemon/plugin_host/plugin_actor.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/topics.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/outgoing.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

// Two words in one store: there are fewer, and who reads both in one load does not wait for two.
template <class To>
void put(To& to, std::uint64_t first, std::uint64_t second) noexcept {
  using Pair = std::uint64_t __attribute__((vector_size(16)));
  static_assert(sizeof to == sizeof(Pair));
  const Pair pair{first, second};
  std::memcpy(&to, &pair, sizeof to);
}

void put(bs_slice& to, std::string_view text) noexcept {
  put(to, reinterpret_cast<std::uintptr_t>(text.data()), text.size());
}

// By Kind; those that the ABI does not have are for sessions: a plugin's actor never asks for them.
constexpr std::array<std::uint32_t, 10> kinds{BS_MSG_SEND,    BS_MSG_PUBLISH, BS_MSG_REQUEST,
                                              BS_MSG_REPLY,   BS_MSG_TIMER,   BS_MSG_DOWN,
                                              BS_MSG_INTEREST};

// Views into the envelope as a send has them, written field by field: a cleared and copied table
// costs ten times that.
[[gnu::always_inline]] inline void fill(bs_msg& msg, const Envelope& envelope) noexcept {
  // Its first four fields.
  static constexpr std::array<std::uint32_t, 4> head{sizeof msg, BS_MSG_SEND, 0, BS_OK};
  static_assert(sizeof head == offsetof(bs_msg, from));
  std::memcpy(&msg, head.data(), sizeof head);
  const bs_addr from = pack(envelope.sender);
  put(msg.from, from.w[0], from.w[1]);
  put(msg.from_name, envelope.sender_name.text());
  msg.corr = 0;
  put(msg.type, envelope.type);
  put(msg.body, envelope.payload.text());
  msg.buf = buf_of(envelope.payload.buffer());
  msg.address = {};
  msg.seq = 0;
  msg.sub = 0;
}

// What the other kinds have besides. False for kinds that the ABI does not have.
bool fill_more(bs_msg& msg, const Envelope& envelope) noexcept {
  msg.kind = kinds[static_cast<std::size_t>(envelope.kind)];
  switch (envelope.kind) {
    case Kind::request:
      msg.corr = static_cast<std::uint64_t>(envelope.request);
      break;
    case Kind::reply:
      msg.corr = static_cast<std::uint64_t>(envelope.request);
      if (envelope.is_error) msg.status = status_of(envelope.error);
      break;
    case Kind::timer:
      msg.corr = static_cast<std::uint64_t>(envelope.timer);
      break;
    case Kind::down:
      msg.status = status_of_down(envelope.payload.text());
      break;
    case Kind::interest:
      msg.status = static_cast<bs_status>(envelope.seq);
      msg.address = std::exchange(msg.body, bs_slice{});
      msg.buf = nullptr;
      break;
    case Kind::publish:
      msg.address = slice(envelope.topic->address.text());
      msg.seq = envelope.seq;
      msg.sub = static_cast<std::uint64_t>(envelope.subscription);
      break;
    default:
      break;
  }
  return msg.kind != 0;
}

}  // namespace

PluginActor::PluginActor(std::shared_ptr<Generation> generation, const PluginType& type) noexcept
    : generation_(std::move(generation)), type_(type) {}

PluginActor::~PluginActor() {
  if (is_created_) generation_->actor_gone();
}

std::expected<void, Failure> PluginActor::create(Context& context, std::string_view config) {
  Call call{*this, context, Phase::create};
  auto status =
      call.run("create", [&] { return type_.calls.create(Call::ctx(), slice(config), &self_); });
  if (!status) return std::unexpected(Failure{std::move(status.error())});
  on_made();
  return {};
}

std::expected<void, Failure> PluginActor::load(Context& context, std::string_view config,
                                               std::uint32_t version, std::string_view state) {
  Call call{*this, context, Phase::load};
  auto status = call.run("load", [&] {
    return type_.calls.load(Call::ctx(), slice(config), version, slice(state), &self_);
  });
  if (!status) return std::unexpected(Failure{std::move(status.error())});
  on_made();
  return {};
}

std::expected<std::string, Succession::Hindrance> PluginActor::save(Context& context) {
  SaveCall call{*this, context};
  bs_status status = BS_OK;
  const auto saved =
      call.run("save", [&] { return status = type_.calls.save(self_, SaveCall::sink()); });
  if (!saved) return std::unexpected(Succession::Hindrance{saved.error(), status == BS_E_BUSY});
  return std::move(call.state);
}

void PluginActor::give_way(Context& context) noexcept { destroy(context, BS_END_UPGRADED); }

void PluginActor::on_made() noexcept {
  is_created_ = true;
  generation_->actor_made();
}

Outcome PluginActor::failed(const Call& call, bs_status status) {
  call.actor().generation_->actor_failed();
  return std::unexpected(Failure{Call::reason("receive", status)});
}

Outcome PluginActor::escaped(const Call& call) {
  call.actor().generation_->actor_failed();
  return std::unexpected(Failure{Call::escaped_from("receive")});
}

// As Call::run, without a text that a message that is handled does not have; and static, so that
// nothing is kept over the plugin's call for what hardly ever happens.
[[gnu::always_inline]] inline Outcome PluginActor::receive_by(const ReceiveCall& call) {
  bs_status status = BS_OK;
  try {
    const PluginActor& actor = call.actor();
    status = actor.type_.calls.receive(actor.self_, Call::ctx(), &call.in.msg);
  } catch (...) {
    return escaped(call);
  }
  if (status < 0) [[unlikely]]
    return failed(call, status);
  return status == BS_STOP ? Handled::stop : Handled::done;
}

// What is rare is called last: a call before the plugin's would have everything kept for later, on
// the way of each message. Without a guard word for the same reason: nothing in this frame is
// written to by an index or by a plugin.
[[gnu::no_stack_protector]] Outcome PluginActor::receive(Context& context,
                                                         const Envelope& envelope) {
  if (envelope.kind != Kind::send) return receive_more(context, envelope);
  if (!Call::has_number()) [[unlikely]]
    return receive_in_new_range(context, envelope);
  ReceiveCall call{*this, context};
  fill(call.in.msg, envelope);
  return receive_by(call);
}

Outcome PluginActor::receive_more(Context& context, const Envelope& envelope) {
  if (!Call::has_number()) [[unlikely]]
    return receive_in_new_range(context, envelope);
  ReceiveCall call{*this, context};
  fill(call.in.msg, envelope);
  if (!fill_more(call.in.msg, envelope)) return Handled::done;
  return receive_by(call);
}

Outcome PluginActor::receive_in_new_range(Context& context, const Envelope& envelope) {
  Call::take_range();
  return receive(context, envelope);
}

void PluginActor::ended(Context& context, EndReason reason) noexcept {
  destroy(context, end_of(reason));
}

void PluginActor::destroy(Context& context, std::int32_t reason) noexcept {
  if (!is_created_) return;
  const Call call{*this, context, Phase::destroy};
  type_.calls.destroy(std::exchange(self_, nullptr), Call::ctx(), reason);
}

std::expected<std::unique_ptr<Actor>, Failure> PluginFactory::create(Context& context,
                                                                     std::string_view config) {
  if (!generation_->is_serving()) {
    return std::unexpected(
        Failure{fmt::format("the plugin {} {} is no longer active", generation_->manifest().id,
                            generation_->manifest().version)});
  }
  auto actor = std::make_unique<PluginActor>(generation_, generation_->types()[type_]);
  if (auto made = actor->create(context, config); !made) {
    generation_->actor_failed();
    return std::unexpected(std::move(made.error()));
  }
  return actor;
}

}  // namespace backstage::plugin_host
