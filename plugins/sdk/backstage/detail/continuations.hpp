/// What one actor goes on with later: a callable for each open request, timer and monitored actor.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "backstage/message.hpp"

namespace backstage {
class context;
}

namespace backstage::detail {

/// A status out of a call that may return one, or nothing.
template <class Call>
bs_status status_of(Call&& call) {
  if constexpr (std::is_void_v<decltype(call())>) {
    call();
    return BS_OK;
  } else {
    return status{call()}.code();
  }
}

/// A callable that may want the event, the context, both or neither.
template <class F, class Event>
concept continues = std::is_invocable_v<F&, Event, context&> || std::is_invocable_v<F&, Event> ||
                    std::is_invocable_v<F&, context&> || std::is_invocable_v<F&>;

template <class Event, class F>
bs_status continue_with(F& callable, const bs_msg* what, context& ctx) {
  return status_of([&] {
    if constexpr (std::is_invocable_v<F&, Event, context&>) {
      return callable(Event{what}, ctx);
    } else if constexpr (std::is_invocable_v<F&, Event>) {
      return callable(Event{what});
    } else if constexpr (std::is_invocable_v<F&, context&>) {
      return callable(ctx);
    } else {
      return callable();
    }
  });
}

class continuation {
 public:
  continuation() = default;
  continuation(const continuation&) = delete;
  continuation& operator=(const continuation&) = delete;
  virtual ~continuation() = default;
  virtual bs_status run(const bs_msg* what, context& ctx) = 0;
};

template <class Event, class F>
class continuation_of final : public continuation {
 public:
  explicit continuation_of(F callable) : callable_(std::move(callable)) {}
  bs_status run(const bs_msg* what, context& ctx) override {
    return continue_with<Event>(callable_, what, ctx);
  }

 private:
  F callable_;
};

/// The open ones of one actor; made with the first. Only its turns touch it.
class continuations {
 public:
  enum class lasts : bool { once, repeatedly };

  template <class Event, class F>
  void add(std::uint32_t kind, bs_addr id, lasts how, F callable) {
    entry& made = open_[place_of(kind, id)];
    made = {std::make_unique<continuation_of<Event, F>>(std::move(callable)), how};
  }
  void forget(std::uint32_t kind, bs_addr id) { open_.erase(place_of(kind, id)); }

  /// How many must still be called, once, before this self may be left: replies and timers that
  /// fire once. What repeats, and monitors, the next self sets up itself.
  [[nodiscard]] std::size_t owed() const noexcept {
    std::size_t count = 0;
    for (const auto& [where, open] : open_) {
      if (open.how == lasts::once && where[0] != BS_MSG_DOWN) ++count;
    }
    return count;
  }

  /// Calls the one that waits for `what`; nothing when none does.
  std::optional<bs_status> run(const bs_msg* what, context& ctx) {
    const place at = place_of(what->kind, id_of(*what));
    const auto found = open_.find(at);
    if (found == open_.end()) return std::nullopt;
    // Out of the table while it runs: it may cancel itself, or set up others.
    std::unique_ptr<continuation> running = std::move(found->second.call);
    const lasts how = found->second.how;
    if (how == lasts::once) open_.erase(found);
    const bs_status status = running->run(what, ctx);
    if (how == lasts::repeatedly) put_back(at, std::move(running));
    return status;
  }

  /// Ends the timers that would fire at a self that does not know them.
  void cancel_timers(bs_ctx* ctx) const noexcept {
    for (const auto& [where, open] : open_) {
      if (where[0] == BS_MSG_TIMER) host.timers->cancel(ctx, where[1]);
    }
  }

 private:
  using place = std::array<std::uint64_t, 3>;
  struct entry {
    std::unique_ptr<continuation> call;
    lasts how = lasts::once;
  };

  static place place_of(std::uint32_t kind, bs_addr id) noexcept {
    return {kind, id.w[0], id.w[1]};
  }
  static bs_addr id_of(const bs_msg& what) noexcept {
    return what.kind == BS_MSG_DOWN ? what.from : bs_addr{{what.corr, 0}};
  }
  void put_back(const place& at, std::unique_ptr<continuation> ran) noexcept {
    const auto found = open_.find(at);
    if (found != open_.end() && found->second.call == nullptr) found->second.call = std::move(ran);
  }

  std::map<place, entry> open_;
};

}  // namespace backstage::detail
