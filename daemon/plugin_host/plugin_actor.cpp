// Envelopes become bs_msg, statuses become outcomes.
#include "daemon/plugin_host/plugin_actor.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/topics.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/outgoing.hpp"
#include "daemon/plugin_host/status.hpp"

namespace backstage::plugin_host {
namespace {

std::uint32_t kind_of(Kind kind) noexcept {
  switch (kind) {
    case Kind::send:
      return BS_MSG_SEND;
    case Kind::publish:
      return BS_MSG_PUBLISH;
    case Kind::request:
      return BS_MSG_REQUEST;
    case Kind::reply:
      return BS_MSG_REPLY;
    case Kind::timer:
      return BS_MSG_TIMER;
    case Kind::down:
      return BS_MSG_DOWN;
    case Kind::interest:
      return BS_MSG_INTEREST;
    // For sessions; a plugin's actor never asks for them.
    case Kind::started:
    case Kind::gap:
    case Kind::barrier:
      break;
  }
  return 0;
}

// Views into the envelope, written field by field: a cleared and copied table costs ten times that.
// False for kinds that the ABI does not have.
[[gnu::always_inline]] inline bool fill(bs_msg& msg, const Envelope& envelope) noexcept {
  const std::uint32_t kind = kind_of(envelope.kind);
  if (kind == 0) return false;
  msg.struct_size = sizeof msg;
  msg.kind = kind;
  msg.flags = 0;
  msg.status = BS_OK;
  msg.from = pack(envelope.sender);
  msg.from_name = slice(envelope.sender_name.text());
  msg.corr = 0;
  msg.type = slice(envelope.type);
  msg.body = slice(envelope.payload.text());
  msg.buf = buf_of(envelope.payload.buffer());
  msg.address = {};
  msg.seq = 0;
  msg.sub = 0;
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
  return true;
}

}  // namespace

PluginActor::PluginActor(std::shared_ptr<Generation> generation, const PluginType& type) noexcept
    : generation_(std::move(generation)), type_(type) {}

PluginActor::~PluginActor() {
  if (is_created_) generation_->actor_gone();
}

std::expected<void, Failure> PluginActor::create(Context& context, std::string_view config) {
  Call call{generation_->host(), *this, context, Call::Rights::turn};
  auto status =
      call.run("create", [&] { return type_.calls.create(call.ctx(), slice(config), &self_); });
  if (!status) return std::unexpected(Failure{std::move(status.error())});
  is_created_ = true;
  generation_->actor_made();
  return {};
}

Outcome PluginActor::receive(Context& context, const Envelope& envelope) {
  bs_msg msg;
  if (!fill(msg, envelope)) return Handled::done;
  Call call{generation_->host(), *this, context, Call::Rights::turn};
  auto status = call.run("receive", [&] { return type_.calls.receive(self_, call.ctx(), &msg); });
  if (!status) return std::unexpected(Failure{std::move(status.error())});
  return *status == BS_STOP ? Handled::stop : Handled::done;
}

void PluginActor::ended(Context& context, EndReason reason) noexcept {
  if (!is_created_) return;
  const Call call{generation_->host(), *this, context, Call::Rights::ending};
  type_.calls.destroy(std::exchange(self_, nullptr), call.ctx(), end_of(reason));
}

std::expected<std::unique_ptr<Actor>, Failure> PluginFactory::create(Context& context,
                                                                     std::string_view config) {
  if (generation_->state() != State::active) {
    return std::unexpected(
        Failure{fmt::format("the plugin {} {} is no longer active", generation_->manifest().id,
                            generation_->manifest().version)});
  }
  auto actor = std::make_unique<PluginActor>(generation_, generation_->types()[type_]);
  if (auto made = actor->create(context, config); !made) {
    return std::unexpected(std::move(made.error()));
  }
  return actor;
}

}  // namespace backstage::plugin_host
