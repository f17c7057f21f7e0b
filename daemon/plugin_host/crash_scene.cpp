// The scene of a crash from the running call, and the table of mapped plugins, read without a lock.
#include "daemon/plugin_host/crash_scene.hpp"

#include <dlfcn.h>

#include <array>
#include <atomic>
#include <cstdint>

#include "daemon/plugin_gate/hash.hpp"
#include "daemon/plugin_host/call.hpp"
#include "daemon/plugin_host/host_api.hpp"
#include "daemon/plugin_host/plugin_actor.hpp"

namespace backstage::plugin_host {
namespace {

std::string_view name_of_kind(std::uint32_t kind) noexcept {
  constexpr std::array<std::string_view, 8> names{"",      "send",  "publish", "request",
                                                  "reply", "timer", "down",    "interest"};
  return kind < names.size() ? names[kind] : "unknown";
}

}  // namespace

// Who fills a slot owns it by `is_taken`; a handler may look at any moment, so `begin` is written
// last and taken back first.
struct CodeRange::Slot {
  std::atomic<bool> is_taken{false};
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  PluginIdentity plugin;
};

// A signal handler has no object to ask: the table is the process's own, as its address space is.
CodeRange::Slot& CodeRange::slot(std::size_t index) noexcept {
  static constinit std::array<Slot, ranges_max> slots{};
  static_assert(std::atomic<std::uintptr_t>::is_always_lock_free, "used in a signal handler");
  return slots[index];
}

CodeRange::CodeRange(const void* address, const PluginIdentity& plugin) noexcept {
  dl_find_object found{};
  // The loader's own lookup without a lock; it takes no const.
  if (::_dl_find_object(const_cast<void*>(address), &found) != 0) return;
  for (std::size_t i = 0; i < ranges_max; ++i) {
    Slot& candidate = slot(i);
    if (candidate.is_taken.exchange(true, std::memory_order_acquire)) continue;
    candidate.plugin = plugin;
    candidate.end.store(reinterpret_cast<std::uintptr_t>(found.dlfo_map_end),
                        std::memory_order_relaxed);
    candidate.begin.store(reinterpret_cast<std::uintptr_t>(found.dlfo_map_start),
                          std::memory_order_release);
    slot_ = &candidate;
    return;
  }
}

CodeRange& CodeRange::operator=(CodeRange&& other) noexcept {
  std::swap(slot_, other.slot_);
  return *this;
}

CodeRange::~CodeRange() {
  if (slot_ == nullptr) return;
  slot_->begin.store(0, std::memory_order_relaxed);
  slot_->end.store(0, std::memory_order_release);
  slot_->is_taken.store(false, std::memory_order_release);
}

void CrashScene::look_at_call() noexcept {
  const Call* call = Call::current();
  if (call == nullptr) return;
  phase = "unknown";
  PluginIdentity found = call->host().plugin();
  // A call that was written over may lead anywhere.
  if (!plugin_gate::is_sha256_hex(found.sha256.text()) || call->phase() > Phase::load) return;
  plugin = found;
  phase = name_of(call->phase());
  if (!call->has_actor()) return;
  actor.assign(call->actor_name());
  actor_type.assign(call->actor().type_name());
  const bs_msg* msg = call->message();
  if (msg == nullptr) return;
  kind = name_of_kind(msg->kind);
  message_type.assign({static_cast<const char*>(msg->type.ptr), msg->type.len});
}

void CrashScene::look_at_code(const void* address) noexcept {
  const auto number = reinterpret_cast<std::uintptr_t>(address);
  for (std::size_t i = 0; i < CodeRange::ranges_max; ++i) {
    const CodeRange::Slot& slot = CodeRange::slot(i);
    const auto begin = slot.begin.load(std::memory_order_acquire);
    if (begin == 0 || number < begin) continue;
    if (number >= slot.end.load(std::memory_order_relaxed)) continue;
    plugin = slot.plugin;
    if (phase.empty()) phase = "thread";
    return;
  }
}

}  // namespace backstage::plugin_host
