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

// By Kind; those that the ABI does not have are for sessions: a plugin's actor never asks for them.
constexpr std::array<std::uint32_t, 10> kinds{BS_MSG_SEND,    BS_MSG_PUBLISH, BS_MSG_REQUEST,
                                              BS_MSG_REPLY,   BS_MSG_TIMER,   BS_MSG_DOWN,
                                              BS_MSG_INTEREST};

// In one store: who reads both halves in one load would wait for two.
void put(bs_slice& to, std::string_view text) noexcept {
  using Pair = std::uint64_t __attribute__((vector_size(sizeof(bs_slice))));
  const Pair pair{reinterpret_cast<std::uintptr_t>(text.data()), text.size()};
  static_assert(sizeof pair == sizeof to);
  std::memcpy(&to, &pair, sizeof to);
}

// Views into the envelope, written field by field: a cleared and copied table costs ten times that.
// False for kinds that the ABI does not have.
[[gnu::always_inline]] inline bool fill(bs_msg& msg, const Envelope& envelope) noexcept {
  const std::uint32_t kind = kinds[static_cast<std::size_t>(envelope.kind)];
  if (kind == 0) return false;
  msg.struct_size = sizeof msg;
  msg.kind = kind;
  msg.flags = 0;
  msg.status = BS_OK;
  msg.from = pack(envelope.sender);
  put(msg.from_name, envelope.sender_name.text());
  msg.corr = 0;
  put(msg.type, envelope.type);
  put(msg.body, envelope.payload.text());
  msg.buf = buf_of(envelope.payload.buffer());
  msg.address = {};
  msg.seq = 0;
  msg.sub = 0;
  if (envelope.kind == Kind::send) return true;
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
  bs_status status = BS_OK;
  // As Call::run, without a text that a message that is handled does not have.
  try {
    status = type_.calls.receive(self_, call.ctx(), &msg);
  } catch (...) {
    return std::unexpected(Failure{Call::escaped_from("receive")});
  }
  if (status < 0) [[unlikely]]
    return std::unexpected(Failure{call.reason("receive", status)});
  return status == BS_STOP ? Handled::stop : Handled::done;
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
