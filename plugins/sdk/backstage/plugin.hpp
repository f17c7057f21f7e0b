/// The C++20 SDK for plugins of backstaged: write a struct, name it in BACKSTAGE_PLUGIN, done.
///
///   #include <backstage/plugin.hpp>
///
///   struct Greeter {
///     static constexpr char name[] = "greeter";            // the actor type
///     explicit Greeter(backstage::config given) : greeting(given.string("greeting", "hello")) {}
///     void on(backstage::message m, backstage::context& ctx) {
///       ctx.reply(greeting + " " + std::string{m.body()});
///     }
///     std::string greeting;
///   };
///   BACKSTAGE_PLUGIN("com.example.greeter", "1.0.0", Greeter)
///
/// The constructor takes (config, context&), (config) or nothing. `on` gets every message, one at a
/// time, and returns nothing or a status. With `void save(writer&) const` and `void load(reader&,
/// unsigned version)` (after the constructor) the state survives upgrades; `state_version` and
/// `state_min` number its format. Exceptions fail the one call they leave: the message goes to the
/// dead letters, supervision creates the actor anew.
///
/// `dispatch` calls methods by message type with typed bodies; `request(...).then(...)`, `after`,
/// `every` and `monitor` go on in callables; `counter` and `gauge` are seen by the daemon.
///
/// Header-only, needs nothing but the standard library. The names are lower case like those of std.
/// JSON is in backstage/json.hpp, which needs nlohmann::json and is not included here.
#pragma once
#include "backstage/detail/glue.hpp"
#include "backstage/detail/note.hpp"
#include "backstage/dispatch.hpp"
#include "backstage/metrics.hpp"

/// Once per plugin, at namespace scope: id (reverse DNS), version, the actor types.
#define BACKSTAGE_PLUGIN(id, version, ...) \
  BACKSTAGE_PLUGIN_WITH(::backstage::detail::no_hooks, BS_UNLOAD_SAFE, id, version, __VA_ARGS__)

/// The same with hooks for the plugin as a whole (`static void init(config)`, `static bool
/// quiesce(milliseconds)`, `static void fini()`, each optional) and flags, as BS_HAS_THREADS.
#define BACKSTAGE_PLUGIN_WITH(hooks, flags, id, version, ...)                       \
  namespace {                                                                       \
  BS_NOTE_ATTR constexpr auto backstage_note =                                      \
      ::backstage::detail::make_note<__VA_ARGS__>(id, version, flags);              \
  }                                                                                 \
  extern "C" BS_EXPORT const bs_plugin* backstage_plugin_v1(const bs_api* api) {    \
    return ::backstage::detail::enter<hooks, __VA_ARGS__>(api, id, version, flags); \
  }
