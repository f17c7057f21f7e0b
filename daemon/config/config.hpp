/// The daemon's configuration as plain values; config/schema.json says what each key means, and a
/// test holds the defaults here to the schema's. An empty directory means: chosen at start.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/log/line.hpp"

namespace backstage::config {

enum class LogStyle : std::uint8_t { automatic, text, json };
enum class PlainZmtp : std::uint8_t { own, libzmq };
enum class Overflow : std::uint8_t { reject, drop_newest, drop_oldest, conflate };
enum class Dispatcher : std::uint8_t { pool, pinned };
enum class Strategy : std::uint8_t { one_for_one, one_for_all, rest_for_one };
enum class Restart : std::uint8_t { permanent, transient, temporary };
/// What an upgrade does about living actors whose state the new version cannot read.
enum class OnIncompatible : std::uint8_t { refuse, keep_old, restart_fresh };
/// What becomes of the actors of a plugin whose file was removed.
enum class OnRemove : std::uint8_t { drain, keep };
/// Whether code that nothing uses any more is unmapped.
enum class Unload : std::uint8_t { automatic, never };

struct LogConfig {
  log::LogLevel level = log::LogLevel::info;
  LogStyle format = LogStyle::automatic;
  friend bool operator==(const LogConfig&, const LogConfig&) = default;
};

/// Where to listen. The endpoint may begin with `ipc://{runtime_dir}`; see resolve_endpoint.
struct BindConfig {
  std::string endpoint{};
  /// ipc only; who may write to the socket may connect.
  std::uint32_t mode = 0600;
  /// ipc only; empty for the daemon's own group.
  std::string group{};
  /// tcp only: by CURVE. Nothing: if other machines can reach it and there are keys.
  std::optional<bool> curve{};
  friend bool operator==(const BindConfig&, const BindConfig&) = default;
};

struct CmdConfig {
  std::vector<BindConfig> bind{{"tcp://127.0.0.1:7770"}, {"ipc://{runtime_dir}/cmd.sock"}};
  std::uint32_t sndhwm = 256;
  std::uint32_t rcvhwm = 1000;
  friend bool operator==(const CmdConfig&, const CmdConfig&) = default;
};

struct PubConfig {
  std::vector<BindConfig> bind{{"tcp://127.0.0.1:7771"}, {"ipc://{runtime_dir}/pub.sock"}};
  std::uint32_t frames = 2;
  std::uint32_t sndhwm = 10'000;
  friend bool operator==(const PubConfig&, const PubConfig&) = default;
};

struct IngestConfig {
  std::vector<BindConfig> bind{{"tcp://127.0.0.1:7772"}, {"ipc://{runtime_dir}/ingest.sock"}};
  std::uint32_t rcvhwm = 1000;
  friend bool operator==(const IngestConfig&, const IngestConfig&) = default;
};

struct LimitsConfig {
  std::uint32_t max_payload = 1'048'576;
  std::uint32_t queue_msgs = 1000;
  std::uint64_t queue_bytes = 8'388'608;
  std::uint64_t out_bytes_total = 268'435'456;
  std::uint32_t sessions = 1000;
  std::uint32_t subs_per_session = 1000;
  std::uint32_t err0_per_s = 10;
  std::uint32_t resume_ttl_seconds_max = 300;
  std::uint32_t connections_max = 1024;
  // Of one remote principal.
  std::uint32_t connections_per_principal = 16;
  std::uint32_t msgs_per_s_per_principal = 10'000;
  std::uint32_t subs_per_principal = 1000;
  friend bool operator==(const LimitsConfig&, const LimitsConfig&) = default;
};

/// Keys for endpoints that are CURVE.
struct CurveConfig {
  std::string secret_key_file{};
  std::string authorized_keys_dir{};
  friend bool operator==(const CurveConfig&, const CurveConfig&) = default;
};

/// One rule of who may what.
struct AclConfig {
  std::string user{};
  bool allows = false;
  std::vector<std::string> entries{};
  friend bool operator==(const AclConfig&, const AclConfig&) = default;
};

struct GatewayConfig {
  PlainZmtp plain_zmtp = PlainZmtp::own;
  std::uint32_t io_threads = 1;
  CmdConfig cmd{};
  PubConfig pub{};
  IngestConfig ingest{};
  LimitsConfig limits{};
  bool allow_remote_plaintext = false;
  std::optional<CurveConfig> curve{};
  /// In their order: the first that matches decides.
  std::vector<AclConfig> acl{};
  friend bool operator==(const GatewayConfig&, const GatewayConfig&) = default;
};

struct PluginsConfig {
  std::string dir{};
  std::string state_dir{};
  /// Lower-case hex, 64 digits each; empty: all hashes are allowed.
  std::vector<std::string> allow_sha256{};
  bool watch = true;
  std::chrono::milliseconds settle{300};
  std::chrono::milliseconds rescan{2'000};
  bool trial = true;
  bool demote_unique = true;
  std::chrono::milliseconds upgrade_deadline{10'000};
  /// Zero: an upgrade is final at once.
  std::chrono::milliseconds probation{30'000};
  /// So many failures within the probation bring the old version back; zero: none do. Three are one
  /// fewer than what parks an actor by default.
  std::uint32_t probation_failures_max = 3;
  OnIncompatible on_incompatible = OnIncompatible::refuse;
  OnRemove on_remove = OnRemove::drain;
  bool drain_first = false;
  Unload unload = Unload::automatic;
  /// So many crashes within crash_window keep a file from being loaded; zero: none do.
  std::uint32_t crashes_max = 3;
  std::chrono::milliseconds crash_window{600'000};
  /// By plugin id, in the file's order: JSON text for the plugin's init.
  std::vector<std::pair<std::string, std::string>> config{};
  friend bool operator==(const PluginsConfig&, const PluginsConfig&) = default;
};

struct MailboxConfig {
  std::uint32_t messages = 16'384;
  std::uint64_t bytes = 16'777'216;
  friend bool operator==(const MailboxConfig&, const MailboxConfig&) = default;
};

struct SupervisionConfig {
  Strategy strategy = Strategy::one_for_one;
  Restart restart = Restart::transient;
  std::uint32_t intensity = 3;
  std::chrono::milliseconds period{10'000};
  std::uint32_t retries = 0;
  std::chrono::milliseconds backoff_min{100};
  std::chrono::milliseconds backoff_max{10'000};
  std::uint32_t jitter_percent = 20;
  std::chrono::milliseconds healthy_after{10'000};
  std::chrono::milliseconds stop_deadline{5'000};
  friend bool operator==(const SupervisionConfig&, const SupervisionConfig&) = default;
};

struct TypeConfig {
  std::string type{};
  MailboxConfig mailbox{};
  Overflow overflow = Overflow::reject;
  Dispatcher dispatcher = Dispatcher::pool;
  /// Nothing: the one of Config. Zero: none.
  std::optional<std::chrono::milliseconds> turn_budget{};
  SupervisionConfig supervision{};
  friend bool operator==(const TypeConfig&, const TypeConfig&) = default;
};

struct ActorConfig {
  std::string name{};
  std::string type{};
  /// JSON text; empty when the config gives none.
  std::string config{};
  // Nothing: as the type has it.
  std::optional<std::uint32_t> mailbox_messages{};
  std::optional<std::uint64_t> mailbox_bytes{};
  std::optional<Overflow> overflow{};
  std::optional<Restart> restart{};
  friend bool operator==(const ActorConfig&, const ActorConfig&) = default;
};

struct ActivationConfig {
  std::string activate{};
  std::string type{};
  /// Empty: by name only.
  std::string on{};
  /// Nothing: never passivated.
  std::optional<std::chrono::milliseconds> idle{};
  std::uint32_t max = 10'000;
  /// JSON text; empty when the config gives none.
  std::string config{};
  friend bool operator==(const ActivationConfig&, const ActivationConfig&) = default;
};

struct Config {
  std::string runtime_dir{};
  /// 0: one per CPU the daemon may use.
  std::uint32_t workers = 0;
  /// What the workers are bound to, in turn; empty: nothing.
  std::vector<unsigned> worker_cpus{};
  std::uint32_t spare_workers = 16;
  std::uint32_t pinned_threads = 256;
  /// Zero: no turn is ever hung.
  std::chrono::milliseconds turn_budget{1000};
  std::chrono::milliseconds drain_timeout{10'000};
  LogConfig log{};
  GatewayConfig gateway{};
  PluginsConfig plugins{};
  /// In the file's order; each type, name and rule once.
  std::vector<TypeConfig> types{};
  std::vector<ActorConfig> actors{};
  std::vector<ActivationConfig> activations{};
  friend bool operator==(const Config&, const Config&) = default;
};

}  // namespace backstage::config
