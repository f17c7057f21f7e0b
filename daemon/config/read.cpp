// Values out of a valid, completed document; nothing here can fail but by a bug in the schema.
#include "daemon/config/read.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "daemon/config/schema_kinds.hpp"

namespace backstage::config {
namespace {

template <class Number>
Number number(const Json& json, const char* key) {
  return json.at(key).get<Number>();
}

std::string text(const Json& json, const char* key) { return json.at(key).get<std::string>(); }

std::chrono::milliseconds duration(const Json& json, const char* key) {
  return parse_duration(json.at(key).get_ref<const std::string&>()).value();
}

// The enumerator at the word's place among `words`.
template <class Enum, std::size_t Size>
Enum choice(const Json& json, const char* key, const std::array<std::string_view, Size>& words) {
  const auto& word = json.at(key).get_ref<const std::string&>();
  return static_cast<Enum>(std::ranges::find(words, word) - words.begin());
}

std::string directory(const Json& json, const char* key) {
  auto path = text(json, key);
  return path == "auto" ? std::string{} : path;
}

std::string config_text(const Json& json) {
  const auto found = json.find("config");
  return found == json.end() ? std::string{} : found->dump();
}

std::vector<BindConfig> read_binds(const Json& json) {
  std::vector<BindConfig> binds;
  for (const Json& bind : json.at("bind")) {
    BindConfig& out = binds.emplace_back();
    if (bind.is_string()) {
      out.endpoint = bind.get<std::string>();
      continue;
    }
    out.endpoint = text(bind, "endpoint");
    if (bind.contains("mode")) {
      out.mode = static_cast<std::uint32_t>(std::stoul(text(bind, "mode"), nullptr, 8));
    }
    if (bind.contains("group")) out.group = text(bind, "group");
    if (bind.contains("curve")) out.curve = bind.at("curve").get<bool>();
  }
  return binds;
}

LogConfig read_log(const Json& json) {
  return {.level = choice<log::LogLevel>(
              json, "level",
              std::array<std::string_view, 6>{"trace", "debug", "info", "warn", "error", "off"}),
          .format = choice<LogStyle>(json, "format",
                                     std::array<std::string_view, 3>{"auto", "text", "json"})};
}

std::optional<CurveConfig> read_curve(const Json& json) {
  const auto found = json.find("curve");
  if (found == json.end()) return std::nullopt;
  return CurveConfig{text(*found, "secret_key_file"), text(*found, "authorized_keys_dir")};
}

std::vector<AclConfig> read_acl(const Json& json) {
  std::vector<AclConfig> rules;
  for (const Json& rule : json.at("acl")) {
    const bool allows = rule.contains("allow");
    rules.push_back({text(rule, "user"), allows,
                     rule.at(allows ? "allow" : "deny").get<std::vector<std::string>>()});
  }
  return rules;
}

GatewayConfig read_gateway(const Json& json) {
  const Json& cmd = json.at("cmd");
  const Json& pub = json.at("pub");
  const Json& ingest = json.at("ingest");
  const Json& limits = json.at("limits");
  using U32 = std::uint32_t;
  return {.plain_zmtp = choice<PlainZmtp>(json, "plain_zmtp",
                                          std::array<std::string_view, 2>{"own", "libzmq"}),
          .io_threads = number<U32>(json, "io_threads"),
          .cmd = {.bind = read_binds(cmd),
                  .sndhwm = number<U32>(cmd, "sndhwm"),
                  .rcvhwm = number<U32>(cmd, "rcvhwm")},
          .pub = {.bind = read_binds(pub),
                  .frames = number<U32>(pub, "frames"),
                  .sndhwm = number<U32>(pub, "sndhwm")},
          .ingest = {.bind = read_binds(ingest), .rcvhwm = number<U32>(ingest, "rcvhwm")},
          .limits = {.max_payload = number<U32>(limits, "max_payload"),
                     .queue_msgs = number<U32>(limits, "queue_msgs"),
                     .queue_bytes = number<std::uint64_t>(limits, "queue_bytes"),
                     .out_bytes_total = number<std::uint64_t>(limits, "out_bytes_total"),
                     .sessions = number<U32>(limits, "sessions"),
                     .subs_per_session = number<U32>(limits, "subs_per_session"),
                     .err0_per_s = number<U32>(limits, "err0_per_s"),
                     .resume_ttl_seconds_max = number<U32>(limits, "resume_ttl_seconds_max"),
                     .connections_max = number<U32>(limits, "connections_max"),
                     .connections_per_principal = number<U32>(limits, "connections_per_principal"),
                     .msgs_per_s_per_principal = number<U32>(limits, "msgs_per_s_per_principal"),
                     .subs_per_principal = number<U32>(limits, "subs_per_principal")},
          .allow_remote_plaintext = json.at("allow_remote_plaintext").get<bool>(),
          .curve = read_curve(json),
          .acl = read_acl(json)};
}

constexpr std::array<std::string_view, 4> overflow_words{"reject", "drop_newest", "drop_oldest",
                                                         "conflate"};
constexpr std::array<std::string_view, 3> restart_words{"permanent", "transient", "temporary"};
constexpr std::array<std::string_view, 3> strategy_words{"one_for_one", "one_for_all",
                                                         "rest_for_one"};

SupervisionConfig read_supervision(const Json& json) {
  return {.strategy = choice<Strategy>(json, "strategy", strategy_words),
          .restart = choice<Restart>(json, "restart", restart_words),
          .intensity = number<std::uint32_t>(json, "intensity"),
          .period = duration(json, "period"),
          .retries = number<std::uint32_t>(json, "retries"),
          .backoff_min = duration(json, "backoff_min"),
          .backoff_max = duration(json, "backoff_max"),
          .jitter_percent = number<std::uint32_t>(json, "jitter_percent"),
          .healthy_after = duration(json, "healthy_after"),
          .stop_deadline = duration(json, "stop_deadline")};
}

TypeConfig read_type(const std::string& name, const Json& json) {
  const Json& mailbox = json.at("mailbox");
  const bool has_budget = json.contains("turn_budget");
  return {.type = name,
          .mailbox = {.messages = number<std::uint32_t>(mailbox, "messages"),
                      .bytes = number<std::uint64_t>(mailbox, "bytes")},
          .overflow = choice<Overflow>(json, "overflow", overflow_words),
          .dispatcher = choice<Dispatcher>(json, "dispatcher",
                                           std::array<std::string_view, 2>{"pool", "pinned"}),
          .turn_budget = has_budget ? std::optional(duration(json, "turn_budget")) : std::nullopt,
          .supervision = read_supervision(json.at("supervision"))};
}

PluginsConfig read_plugins(const Json& json) {
  using U32 = std::uint32_t;
  PluginsConfig plugins{
      .dir = directory(json, "dir"),
      .state_dir = directory(json, "state_dir"),
      .watch = json.at("watch").get<bool>(),
      .settle = duration(json, "settle"),
      .rescan = duration(json, "rescan"),
      .trial = json.at("trial").get<bool>(),
      .demote_unique = json.at("demote_unique").get<bool>(),
      .upgrade_deadline = duration(json, "upgrade_deadline"),
      .probation = duration(json, "probation"),
      .probation_failures_max = number<U32>(json, "probation_failures_max"),
      .on_incompatible = choice<OnIncompatible>(
          json, "on_incompatible",
          std::array<std::string_view, 3>{"refuse", "keep_old", "restart_fresh"}),
      .on_remove =
          choice<OnRemove>(json, "on_remove", std::array<std::string_view, 2>{"drain", "keep"}),
      .drain_first = json.at("drain_first").get<bool>(),
      .unload = choice<Unload>(json, "unload", std::array<std::string_view, 2>{"auto", "never"}),
      .crashes_max = number<U32>(json, "crashes_max"),
      .crash_window = duration(json, "crash_window")};
  for (const Json& hash : json.at("allow_sha256")) {
    auto& text = plugins.allow_sha256.emplace_back(hash.get<std::string>());
    for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  for (const auto& [id, value] : json.at("config").items()) {
    plugins.config.emplace_back(id, value.dump());
  }
  return plugins;
}

ActorConfig read_actor(const std::string& name, const Json& json) {
  ActorConfig actor;
  actor.name = name;
  if (json.is_string()) {
    actor.type = json.get<std::string>();
    return actor;
  }
  actor.type = text(json, "type");
  actor.config = config_text(json);
  if (const auto mailbox = json.find("mailbox"); mailbox != json.end()) {
    if (mailbox->contains("messages")) {
      actor.mailbox_messages = number<std::uint32_t>(*mailbox, "messages");
    }
    if (mailbox->contains("bytes")) actor.mailbox_bytes = number<std::uint64_t>(*mailbox, "bytes");
  }
  if (json.contains("overflow")) {
    actor.overflow = choice<Overflow>(json, "overflow", overflow_words);
  }
  if (json.contains("restart")) actor.restart = choice<Restart>(json, "restart", restart_words);
  return actor;
}

ActivationConfig read_activation(const Json& json) {
  ActivationConfig rule{.activate = text(json, "activate"),
                        .type = text(json, "type"),
                        .on = {},
                        .idle = {},
                        .max = number<std::uint32_t>(json, "max"),
                        .config = config_text(json)};
  if (json.contains("on")) rule.on = text(json, "on");
  if (json.contains("idle")) rule.idle = duration(json, "idle");
  return rule;
}

}  // namespace

Config read_config(const Json& completed) {
  Config config;
  config.runtime_dir = directory(completed, "runtime_dir");
  config.workers = number<std::uint32_t>(completed, "workers");
  for (const auto& cpu : completed.at("worker_cpus")) {
    config.worker_cpus.push_back(cpu.get<unsigned>());
  }
  config.spare_workers = number<std::uint32_t>(completed, "spare_workers");
  config.pinned_threads = number<std::uint32_t>(completed, "pinned_threads");
  config.turn_budget = duration(completed, "turn_budget");
  config.drain_timeout = duration(completed, "drain_timeout");
  config.log = read_log(completed.at("log"));
  config.gateway = read_gateway(completed.at("gateway"));
  config.plugins = read_plugins(completed.at("plugins"));
  for (const auto& [name, type] : completed.at("types").items()) {
    config.types.push_back(read_type(name, type));
  }
  for (const auto& [name, actor] : completed.at("actors").items()) {
    config.actors.push_back(read_actor(name, actor));
  }
  for (const Json& rule : completed.at("activations")) {
    config.activations.push_back(read_activation(rule));
  }
  return config;
}

}  // namespace backstage::config
