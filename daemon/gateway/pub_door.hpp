/// PubDoor: what actors publish, for SUB sockets: a cell named `$pub` that subscribes to what their
/// filters ask for.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/actor.hpp"
#include "core/string_map.hpp"
#include "daemon/gateway/filters.hpp"
#include "daemon/gateway/house.hpp"

namespace backstage::gateway {

/// All of it is [gateway].
class PubDoor {
 public:
  explicit PubDoor(House& house) : house_(house), filters_(house.options.limits.filters_max) {}
  PubDoor(const PubDoor&) = delete;
  PubDoor& operator=(const PubDoor&) = delete;

  /// Attaches the cell. Errors: as Engine::attach.
  [[nodiscard]] Result<void> open();
  /// Ends it; it is over when the ready list has run.
  void close();
  [[nodiscard]] bool is_open() const noexcept { return cell_ != nullptr; }
  void on_filter(std::string_view filter, bool is_added);
  /// Publishes $sys/sync/<token>, if a filter for it has come up to here: then all filters set
  /// before it are live in the engine too. libzmq alone would let the mark through earlier.
  void sync(std::string_view token);
  /// Once a second.
  void tick();

 private:
  class PubActor;
  void publish_mark(const std::string& header);
  [[nodiscard]] std::string mark(std::string_view address, std::uint64_t number) const;
  void on_publish(const Envelope& envelope);
  void want(const Pattern& pattern);
  void unwant(const Pattern& pattern);
  void widen();
  void narrow();
  void subscribe(const Pattern& pattern);
  void unsubscribe(const Pattern& pattern);

  House& house_;
  Cell* cell_ = nullptr;
  ActorId cell_id_;
  Filters filters_;
  StringMap<Pattern> wanted_;
  StringMap<SubscriptionId> subscriptions_;  // to what is wanted, or (wide) to everything
  bool is_wide_ = false;
  // Two subscriptions may match one message: SUB sockets get it once.
  std::unordered_map<const Topic*, std::uint64_t> last_seq_;
  std::uint64_t ticks_ = 0;
  std::string header_;  // kept for its capacity
};

}  // namespace backstage::gateway
