/// CrashScene: what this thread was calling when it crashed, and whose code an address is.
///
/// Read in a signal handler, from the Call that is there anyway: a message pays nothing for it. All
/// of it is copied, for what it is read from may be damaged: whoever looks must survive a fault in
/// here, and finds in the scene what was read before it.
#pragma once
#include <cstddef>
#include <string_view>
#include <utility>

#include "daemon/plugin_gate/verdict.hpp"
#include "daemon/plugin_host/fixed_text.hpp"

namespace backstage::plugin_host {

/// Which file a plugin's code comes from. A value without pointers.
struct PluginIdentity {
  PluginIdentity() = default;
  /// `file` is the path in the plugin directory. [any]
  PluginIdentity(const plugin_gate::Manifest& manifest, std::string_view path)
      : id(manifest.id),
        version(manifest.version),
        sha256(manifest.sha256),
        build_id(manifest.build_id),
        file(path) {}

  ShortText<64> id;
  ShortText<32> version;
  ShortText<64> sha256;
  ShortText<40> build_id;
  ShortText<256> file;
};

struct CrashScene {
  PluginIdentity plugin;  ///< its id is empty: no plugin was running
  /// Of the call; `thread` in a thread of the plugin's own; `unknown`: the call was written over.
  std::string_view phase;
  ShortText<64> actor;  ///< empty outside of an actor
  ShortText<64> actor_type;
  std::string_view kind;  ///< of the message in hand (`send`); empty but in receive
  ShortText<64> message_type;

  [[nodiscard]] bool has_culprit() const noexcept { return !plugin.id.text().empty(); }

  /// Fills it from the call that runs on this thread, if there is one. [signal handler]
  void look_at_call() noexcept;
  /// Fills it from the file that the code at `address` was mapped from, if that is a plugin's.
  /// [signal handler]
  void look_at_code(const void* address) noexcept;
};

/// Lets crashes in one mapped file be told as its plugin's, as long as this lives: also those in
/// threads that the plugin started itself. One for each generation, from mapping to unmapping.
class CodeRange {
 public:
  CodeRange() noexcept = default;
  /// The file that holds `address`. More than `ranges_max` at a time are not watched. [loader]
  CodeRange(const void* address, const PluginIdentity& plugin) noexcept;
  CodeRange(CodeRange&& other) noexcept : slot_(std::exchange(other.slot_, nullptr)) {}
  CodeRange& operator=(CodeRange&& other) noexcept;
  CodeRange(const CodeRange&) = delete;
  CodeRange& operator=(const CodeRange&) = delete;
  ~CodeRange();

  [[nodiscard]] bool is_watched() const noexcept { return slot_ != nullptr; }

  /// Generations that are mapped at a time, pinned ones included, whose threads can be told apart.
  static constexpr std::size_t ranges_max = 1024;

 private:
  struct Slot;
  friend struct CrashScene;
  static Slot& slot(std::size_t index) noexcept;

  Slot* slot_ = nullptr;
};

}  // namespace backstage::plugin_host
