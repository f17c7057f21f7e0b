/// Options of the transports: endpoints, keys, and what each socket may hold. Plain values.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/values/limits.hpp"
#include "daemon/policy/acl.hpp"
#include "daemon/policy/authorized_keys.hpp"
#include "daemon/policy/secret_key.hpp"

namespace backstage::transport {

struct Endpoint {
  std::string address;        ///< tcp://127.0.0.1:7770 (port `*`: any free one) or ipc:///path
  std::uint32_t mode = 0600;  ///< ipc: permissions of the socket
  std::string group = {};     ///< ipc: its group by name; empty: the process's own
  bool is_curve = false;      ///< encrypted, and only for those whose key is authorised
};

/// What CURVE needs.
struct CurveOptions {
  /// Shared by copies of the options, which is once more than it should be: one secret, one page.
  std::shared_ptr<const policy::SecretKey> secret;  ///< null: no endpoint may be CURVE
  policy::AuthorizedKeys keys;                      ///< at the start; see Principals::set_keys
};

/// What is asked of who connects.
struct Limits {
  std::uint64_t payload_bytes_max = backstage::payload_bytes_max;
  /// Distinct filters of SUB sockets that are served.
  std::uint32_t filters_max = 20'000;
  /// Connections at all doors together; more wait outside until some leave.
  std::uint32_t connections_max = 1'024;
  // Of one remote principal: who shares this machine is trusted with it.
  std::uint32_t connections_per_principal_max = 16;
  std::uint32_t messages_per_second_max = 10'000;  ///< 0: no limit
  std::uint32_t subscriptions_per_principal_max = 1'000;
};

struct Options {
  std::vector<Endpoint> cmd;
  std::vector<Endpoint> pub;     ///< empty: no such door
  std::vector<Endpoint> ingest;  ///< empty: no such door
  /// Endpoints without CURVE are libzmq's too; else the daemon speaks ZMTP there itself.
  bool is_plain_by_libzmq = false;
  unsigned io_threads = 1;  ///< libzmq's
  // What the transport itself may hold, in messages for each peer; fixed when sockets are made.
  std::uint32_t cmd_send_messages_max = 256;  ///< before the session's mailbox fills
  std::uint32_t cmd_receive_messages_max = 1'000;
  std::uint32_t pub_send_messages_max = 10'000;  ///< before a slow SUB socket misses some
  std::uint32_t ingest_receive_messages_max = 1'000;
  /// A tcp endpoint beyond loopback without CURVE is refused unless this says that it is meant.
  bool allow_remote_plaintext = false;
  CurveOptions curve;
  std::vector<policy::Rule> acl;         ///< at the start; see Principals::set_rules
  std::optional<std::uint32_t> own_uid;  ///< trusted on ipc, as root is; nothing: the process's
};

/// The endpoints in use, ports filled in.
struct BoundEndpoints {
  std::vector<std::string> cmd;
  std::vector<std::string> pub;
  std::vector<std::string> ingest;
};

/// Why the daemon could not begin to serve. Nothing of it is left running.
struct StartError {
  std::string endpoint;  ///< empty: not about one
  int code = 0;          ///< errno
  std::string text;      ///< what, why, and what to do
};

}  // namespace backstage::transport
