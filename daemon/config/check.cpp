// Checks between values: what one key's schema cannot say.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/values/pattern.hpp"
#include "daemon/config/load.hpp"
#include "daemon/config/read.hpp"
#include "daemon/config/schema_kinds.hpp"

namespace backstage::config {
namespace {

// sockaddr_un holds 108 bytes with the final NUL.
constexpr std::size_t ipc_path_bytes_max = 107;

const Json* at(const Json& json, const std::string& pointer) {
  const Json::json_pointer path{pointer};
  return json.contains(path) ? &json.at(path) : nullptr;
}

const std::string* text_at(const Json& json, const char* key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found == json.end() ? nullptr : found->get_ptr<const std::string*>();
}

class Checker {
 public:
  Checker(const Json& completed, const Environment& environment) : completed_(completed) {
    const std::string* configured = text_at(completed, "runtime_dir");
    const bool is_set = configured != nullptr && *configured != "auto";
    runtime_dir_ = choose_runtime_dir(is_set ? *configured : "", environment);
  }

  Violations run() {
    check_limits();
    for (const char* socket : {"cmd", "pub", "ingest"}) check_binds(socket);
    check_acl();
    if (const Json* types = at(completed_, "/types"); types != nullptr && types->is_object()) {
      for (const auto& [name, type] : types->items()) check_backoff(name, type);
    }
    check_activations();
    return std::move(violations_);
  }

 private:
  void add(const char* code, std::string pointer, std::string what, std::string help) {
    violations_.push_back({code, std::move(pointer), false, std::move(what), std::move(help)});
  }

  void check_limits() {
    const Json* bytes = at(completed_, "/gateway/limits/queue_bytes");
    const Json* payload = at(completed_, "/gateway/limits/max_payload");
    if (bytes == nullptr || payload == nullptr || !bytes->is_number_unsigned() ||
        !payload->is_number_unsigned() || *bytes >= *payload) {
      return;
    }
    add("CFG-304", "/gateway/limits/queue_bytes",
        fmt::format("{} is less than max_payload {}: a session could never be sent such a message",
                    bytes->dump(), payload->dump()),
        "raise queue_bytes or lower max_payload");
  }

  void check_binds(const std::string& socket) {
    const auto base = "/gateway/" + socket + "/bind";
    const Json* binds = at(completed_, base);
    if (binds == nullptr || !binds->is_array()) return;
    for (std::size_t i = 0; i < binds->size(); ++i) {
      const auto pointer = base + '/' + std::to_string(i);
      const Json& bind = (*binds)[i];
      if (const auto* text = bind.get_ptr<const std::string*>()) {
        check_endpoint(pointer, *text, {});
      } else if (const std::string* endpoint = text_at(bind, "endpoint")) {
        const auto curve = bind.find("curve");
        const bool is_told = curve != bind.end() && curve->is_boolean();
        check_endpoint(pointer + "/endpoint", *endpoint,
                       is_told ? std::optional(curve->get<bool>()) : std::nullopt);
        if (!endpoint->starts_with("tcp://")) {
          if (is_told && *curve) {
            add("CFG-305", pointer + "/curve", "is for tcp endpoints only",
                "remove it: the kernel itself tells who connects by ipc");
          }
          continue;
        }
        for (const char* key : {"mode", "group"}) {
          if (bind.contains(key)) {
            add("CFG-305", pointer + '/' + key, "is for ipc endpoints only",
                "remove it, or bind an ipc endpoint");
          }
        }
      }
    }
  }

  void check_endpoint(const std::string& pointer, const std::string& endpoint,
                      std::optional<bool> curve) {
    const auto parts = parse_endpoint(endpoint);
    if (parts && !parts->is_ipc) check_identity(pointer, *parts, curve);
    if (!parts || (!parts->is_ipc && parts->port == 0)) return;
    auto place = fmt::format("tcp:{}:{}", parts->host == "localhost" ? "127.0.0.1" : parts->host,
                             parts->port);
    if (parts->is_ipc) {
      place = resolve_endpoint(endpoint, runtime_dir_).substr(std::string_view{"ipc://"}.size());
      if (place.size() > ipc_path_bytes_max) {
        add("CFG-303", pointer,
            fmt::format("the socket's path {} has {} bytes; the system takes {}", place,
                        place.size(), ipc_path_bytes_max),
            "choose a shorter path, or a shorter runtime_dir");
      }
    }
    const auto [first, is_new] = endpoints_.emplace(place, pointer);
    if (!is_new) {
      add("CFG-302", pointer, fmt::format("\"{}\" is bound by {} already", endpoint, first->second),
          "give each socket an endpoint of its own");
    }
  }

  // Who may connect by tcp, and whether that can be told.
  void check_identity(const std::string& pointer, const EndpointParts& parts,
                      std::optional<bool> curve) {
    const bool has_keys = at(completed_, "/gateway/curve") != nullptr;
    const bool is_remote = !is_loopback(parts.host);
    const bool is_curve = curve.value_or(is_remote && has_keys);
    has_curve_ = has_curve_ || is_curve;
    if (is_curve && !has_keys) {
      return add(
          "CFG-308", pointer, "is to be CURVE, but there are no keys",
          "add \"curve\": {\"secret_key_file\": ..., \"authorized_keys_dir\": ...} to gateway; "
          "`backstagectl keygen` makes keys");
    }
    const Json* allowed = at(completed_, "/gateway/allow_remote_plaintext");
    if (is_curve || !is_remote || (allowed != nullptr && *allowed == true)) return;
    add("CFG-301", pointer,
        "can be reached from other machines, and has neither encryption nor keys (CURVE) to guard "
        "it",
        fmt::format("configure gateway.curve (`backstagectl keygen` makes keys); or bind "
                    "tcp://127.0.0.1:{0} or ipc, and let other machines in by "
                    "`ssh -N -L {0}:127.0.0.1:{0} HOST`",
                    parts.port == 0 ? "7770" : std::to_string(parts.port)));
  }

  void check_acl() {
    const Json* rules = at(completed_, "/gateway/acl");
    if (rules == nullptr || !rules->is_array()) return;
    for (std::size_t i = 0; i < rules->size(); ++i) {
      const Json& rule = (*rules)[i];
      if (!rule.is_object()) continue;
      const auto pointer = "/gateway/acl/" + std::to_string(i);
      if (rule.contains("allow") == rule.contains("deny")) {
        add("CFG-309", pointer, "must have either allow or deny",
            "a rule allows or denies; write two rules for both");
      }
      const std::string* user = text_at(rule, "user");
      if (user == nullptr || has_curve_ || !user->starts_with("curve:")) continue;
      add("CFG-310", pointer + "/user",
          fmt::format("\"{}\" is never met: no endpoint is CURVE", *user),
          "give an endpoint \"curve\": true, or remove the rule");
    }
  }

  void check_backoff(const std::string& name, const Json& type) {
    const auto found = type.is_object() ? type.find("supervision") : type.end();
    if (found == type.end()) return;
    const std::string* low = text_at(*found, "backoff_min");
    const std::string* high = text_at(*found, "backoff_max");
    if (low == nullptr || high == nullptr) return;
    const auto minimum = parse_duration(*low);
    const auto maximum = parse_duration(*high);
    if (!minimum || !maximum || *minimum <= *maximum) return;
    std::string pointer = "/types";
    append_token(pointer, name);
    pointer += "/supervision/backoff_";
    // The one that is not the default is the one that was written.
    pointer += minimum != SupervisionConfig{}.backoff_min ? "min" : "max";
    add("CFG-304", pointer,
        fmt::format("backoff_min \"{}\" is longer than backoff_max \"{}\"", *low, *high),
        "lower backoff_min or raise backoff_max");
  }

  void check_activations() {
    const Json* rules = at(completed_, "/activations");
    if (rules == nullptr || !rules->is_array()) return;
    std::map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < rules->size(); ++i) {
      const auto pointer = "/activations/" + std::to_string(i);
      const std::string* activate = text_at((*rules)[i], "activate");
      if (activate == nullptr) continue;
      const auto [first, is_new] = seen.emplace(*activate, i);
      if (!is_new) {
        add("CFG-306", pointer + "/activate",
            fmt::format("rule {} activates \"{}\" already", first->second, *activate),
            "keep one rule for a name");
      }
      check_captures(pointer, *activate, text_at((*rules)[i], "on"));
    }
  }

  // Every {k} needs a source: a wildcard of `on`, or without `on` the name itself, counted up
  // from 1.
  void check_captures(const std::string& pointer, const std::string& activate,
                      const std::string* on) {
    const auto captures = captures_of(activate);
    if (!captures) return;
    if (on == nullptr) {
      for (const int number : *captures) {
        if (number > static_cast<int>(captures->size())) {
          add("CFG-307", pointer + "/activate",
              fmt::format("{{{}}} is used, but there are only {} parts", number, captures->size()),
              "number the parts from {1} without gaps");
        }
      }
      return;
    }
    const auto pattern = Pattern::parse(*on);
    if (!pattern) return;
    const auto wildcards =
        std::ranges::count(pattern->text(), '*') + std::ranges::count(pattern->text(), '>');
    for (const int number : *captures) {
      if (number > wildcards) {
        add("CFG-307", pointer + "/activate",
            fmt::format("{{{}}} has no wildcard to stand for: on \"{}\" has {}", number, *on,
                        wildcards),
            "add a * to on, or use a lower number");
      }
    }
  }

  const Json& completed_;
  std::string runtime_dir_;
  std::map<std::string, std::string> endpoints_;
  bool has_curve_ = false;
  Violations violations_;
};

}  // namespace

Violations check_together(const Json& completed, const Environment& environment) {
  return Checker{completed, environment}.run();
}

}  // namespace backstage::config
