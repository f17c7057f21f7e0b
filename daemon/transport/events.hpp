/// Events: what the transports tell of connections. Their only outward arrow but the handler.
#pragma once
#include <cstddef>
#include <string_view>

namespace backstage::transport {

/// Calls must not block, throw, or call the transport. Views are borrowed. All [gateway].
class Events {
 public:
  virtual ~Events() = default;
  /// A connection did not prove who it is. `who`: its address, mechanism and public key.
  virtual void connection_refused(std::string_view who, std::string_view why) noexcept = 0;
  /// A connection of `user` was ended for this reason.
  virtual void connection_cut(std::string_view user, std::string_view why) noexcept = 0;
  /// New connections wait outside, or may come in again.
  virtual void gate_closed(std::size_t connections) noexcept = 0;
  virtual void gate_opened(std::size_t connections) noexcept = 0;
  /// Memory or descriptors have run out, or an exception reached the loop: there is a bug. Either
  /// way the loop goes on.
  virtual void trouble(std::string_view what) noexcept = 0;
};

}  // namespace backstage::transport
