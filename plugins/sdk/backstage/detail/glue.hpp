/// Glue between a plain struct and the C ABI: the callbacks of its actor type, each behind a guard
/// that lets no exception out, and the descriptor of the plugin.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "backstage/config.hpp"
#include "backstage/context.hpp"
#include "backstage/state.hpp"

namespace backstage {

/// Why an actor ends, for an `on_end(ended, context&)`; see BS_END_*.
enum class ended : std::int32_t {
  stopped = BS_END_STOPPED,
  failed = BS_END_FAILED,
  upgraded = BS_END_UPGRADED,
  shutdown = BS_END_SHUTDOWN,
  passivated = BS_END_PASSIVATED,
};

}  // namespace backstage

namespace backstage::detail {

inline bs_status failed(bs_status code, std::string_view text) noexcept {
  host.api->set_error(host.api, code, slice(text));
  return code;
}

/// Runs one callback; whatever it throws becomes a status and a text.
template <class Call>
bs_status guard(Call&& call) noexcept {
  try {
    return call();
  } catch (const error& thrown) {
    // A positive or zero code would turn the exception into a success.
    return failed(thrown.code() < 0 ? thrown.code() : BS_E_FAIL, thrown.what());
  } catch (const std::exception& thrown) {
    return failed(BS_E_FAIL, thrown.what());
  } catch (...) {
    return failed(BS_E_FAIL, "an exception that is not a std::exception");
  }
}

template <class T>
concept saves = requires(const T& self, writer& out) { self.save(out); };
template <class T>
concept loads = requires(T& self, reader& in, unsigned version) { self.load(in, version); };

/// An actor type is a struct with a name, a constructor from (config, context&), (config) or
/// nothing, and `on`.
template <class T>
concept actor_type =
    requires(T& self, message what, context& ctx) {
      { std::string_view{T::name} };
      self.on(what, ctx);
    } && (std::constructible_from<T, config, context&> || std::constructible_from<T, config> ||
          std::default_initializable<T>);

template <class T>
concept ends = requires(T& self, ended why, context& ctx) { self.on_end(why, ctx); };

/// What the daemon knows as self: the actor, and what it goes on with in later turns. That goes
/// first, since its callables may point at the actor.
template <actor_type T>
struct holder {
  template <class... Given>
  explicit holder(Given&&... given) : actor(std::forward<Given>(given)...) {}

  T actor;
  std::unique_ptr<continuations> later{};
};

template <actor_type T>
std::unique_ptr<holder<T>> make(bs_ctx* raw, bs_slice settings, auto&& settle) {
  std::unique_ptr<continuations> later;
  context ctx{raw, nullptr, later};
  const config given{view(settings)};
  std::unique_ptr<holder<T>> made;
  if constexpr (std::constructible_from<T, config, context&>) {
    made = std::make_unique<holder<T>>(given, ctx);
  } else if constexpr (std::constructible_from<T, config>) {
    made = std::make_unique<holder<T>>(given);
  } else {
    made = std::make_unique<holder<T>>();
  }
  settle(made->actor);
  made->later = std::move(later);
  return made;
}

template <actor_type T>
struct callbacks {
  static holder<T>& held(void* self) noexcept { return *static_cast<holder<T>*>(self); }

  static bs_status create(bs_ctx* raw, bs_slice settings, void** self) noexcept {
    return guard([&]() -> bs_status {
      *self = make<T>(raw, settings, [](T&) {}).release();
      return BS_OK;
    });
  }

  static bs_status receive(void* self, bs_ctx* raw, const bs_msg* what) noexcept {
    // Mail, which nothing waits for, takes the short way: a third of the instructions.
    if (what->kind - 1 >= BS_MSG_REQUEST) [[unlikely]]
      return receive_event(self, raw, what);
    return guard([&]() -> bs_status {
      context ctx{raw, what, held(self).later};
      return status_of([&] { return held(self).actor.on(message{what}, ctx); });
    });
  }

  /// Replies, timers, ends and interest: to who waits for it, else to `on`.
  [[gnu::noinline]] static bs_status receive_event(void* self, bs_ctx* raw,
                                                   const bs_msg* what) noexcept {
    // The ABI asks to ignore kinds that are newer than this header.
    if (what->kind == 0 || what->kind > BS_MSG_INTEREST) return BS_OK;
    return guard([&]() -> bs_status {
      context ctx{raw, what, held(self).later};
      if (held(self).later != nullptr) {
        if (const auto status = held(self).later->run(what, ctx)) return *status;
      }
      return status_of([&] { return held(self).actor.on(message{what}, ctx); });
    });
  }

  static void destroy(void* self, bs_ctx* raw, std::int32_t reason) noexcept {
    const std::unique_ptr<holder<T>> last{&held(self)};
    if (last->later != nullptr && reason == BS_END_UPGRADED) last->later->cancel_timers(raw);
    if constexpr (ends<T>) {
      const bs_status said = guard([&]() -> bs_status {
        context ctx{raw, nullptr, last->later};
        last->actor.on_end(ended{reason}, ctx);
        return BS_OK;
      });
      if (said < 0) host.api->log(host.api, BS_LOG_ERROR, slice("its on_end failed"));
    }
  }

  static bs_status save(void* self, bs_sink* sink) noexcept {
    return guard([&]() -> bs_status {
      const auto& later = held(self).later;
      if (const std::size_t owed = later == nullptr ? 0 : later->owed(); owed != 0) {
        throw error(BS_E_BUSY, std::to_string(owed) + " of its requests and timers are still open");
      }
      writer out{sink};
      return status_of([&] { return std::as_const(held(self).actor).save(out); });
    });
  }

  static bs_status load(bs_ctx* raw, bs_slice settings, std::uint32_t version, bs_slice state,
                        void** self) noexcept {
    return guard([&]() -> bs_status {
      auto made = make<T>(raw, settings, [&](T& actor) {
        reader in{view(state)};
        actor.load(in, version);
        if (in.left() != 0) throw error("the saved state has bytes that load did not read");
      });
      *self = made.release();
      return BS_OK;
    });
  }
};

template <class T>
consteval std::uint32_t state_version() {
  if constexpr (requires { T::state_version; }) return T::state_version;
  return saves<T> ? 1 : 0;
}
template <class T>
consteval std::uint32_t state_min() {
  if constexpr (requires { T::state_min; }) return T::state_min;
  return state_version<T>();
}
template <class T>
consteval auto save_of() -> decltype(bs_actor_type::save) {
  static_assert(saves<T> == loads<T>,
                "an actor that has save(writer&) const needs load(reader&, "
                "unsigned version), and the other way round");
  if constexpr (saves<T>) return &callbacks<T>::save;
  return nullptr;
}
template <class T>
consteval auto load_of() -> decltype(bs_actor_type::load) {
  if constexpr (loads<T>) return &callbacks<T>::load;
  return nullptr;
}

template <actor_type T>
constexpr bs_actor_type type_of{
    .struct_size = sizeof(bs_actor_type),
    .flags = 0,
    .name = T::name,
    .state_version = state_version<T>(),
    .state_min = state_min<T>(),
    .create = &callbacks<T>::create,
    .receive = &callbacks<T>::receive,
    .destroy = &callbacks<T>::destroy,
    .save = save_of<T>(),
    .load = load_of<T>(),
};

/// Hooks of a plugin as a whole: any of `static void init(config)`, `static bool quiesce(
/// milliseconds deadline)` (false: not done yet) and `static void fini()`.
struct no_hooks {};

template <class Hooks>
consteval auto init_of() -> decltype(bs_plugin::init) {
  if constexpr (requires { Hooks::init(config{{}}); }) {
    return [](bs_slice given) noexcept -> bs_status {
      return guard([&] { return status_of([&] { return Hooks::init(config{view(given)}); }); });
    };
  }
  return nullptr;
}
template <class Hooks>
consteval auto quiesce_of() -> decltype(bs_plugin::quiesce) {
  if constexpr (requires { Hooks::quiesce(milliseconds{}); }) {
    return [](std::uint32_t deadline_ms) noexcept -> bs_status {
      return guard([&]() -> bs_status {
        return Hooks::quiesce(milliseconds{deadline_ms}) ? BS_OK : BS_E_BUSY;
      });
    };
  }
  return nullptr;
}
template <class Hooks>
consteval auto fini_of() -> decltype(bs_plugin::fini) {
  if constexpr (requires { Hooks::fini(); }) return []() noexcept { Hooks::fini(); };
  return nullptr;
}

/// The entry: remembers the host's tables, returns the descriptor. [loader-thread]
template <class Hooks, class... Types>
const bs_plugin* enter(const bs_api* api, const char* id, const char* version,
                       std::uint32_t flags) noexcept {
  static constexpr std::array<const bs_actor_type*, sizeof...(Types)> types{&type_of<Types>...};
  host.api = api;
  if (api->abi_major != BS_ABI_MAJOR || !BS_HAS(bs_api, api, write)) {
    failed(BS_E_NOSUP, "built for plugin ABI 1.0, which this daemon does not offer");
    return nullptr;
  }
  const auto find = [api](const char* name) { return api->extension(api, name); };
  host.timers = static_cast<const bs_timers*>(find(BS_EXT_TIMERS));
  host.monitor = static_cast<const bs_monitor*>(find(BS_EXT_MONITOR));
  host.interest = static_cast<const bs_interest*>(find(BS_EXT_INTEREST));
  host.metrics = static_cast<const bs_metrics*>(find(BS_EXT_METRICS));
  ++host.entries;
  static const bs_plugin plugin{
      .struct_size = sizeof(bs_plugin),
      .abi_major = BS_ABI_MAJOR,
      .abi_minor = BS_ABI_MINOR,
      .flags = flags,
      .type_count = sizeof...(Types),
      .id = id,
      .version = version,
      .types = types.data(),
      .init = init_of<Hooks>(),
      .quiesce = quiesce_of<Hooks>(),
      .fini = fini_of<Hooks>(),
      .extension = nullptr,
  };
  return &plugin;
}

}  // namespace backstage::detail
