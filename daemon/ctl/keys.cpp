#include "daemon/ctl/keys.hpp"

#include <fmt/format.h>
#include <zmq.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "daemon/ctl/handshake.hpp"
#include "daemon/policy/key_file.hpp"

namespace backstage::ctl {
namespace {

std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string{} : std::string{value};
}

Fault one_alone(const KeyFiles& files) {
  const bool is_own = files.server.empty();
  return {
      exit_code::usage,
      "CTL-505",
      fmt::format("{} is given without {}", is_own ? "--key" : "--server-key",
                  is_own ? "--server-key" : "--key"),
      is_own ? files.own : files.server,
      "each end proves who it is: it takes the daemon's public key and this client's secret key",
      "name both, or set BACKSTAGED_SERVER_KEY and BACKSTAGED_KEY; a daemon on this machine "
      "may need neither"};
}

// The daemon says of its own files under KEY- what a client says of its own here.
Fault fault_of_file(const policy::KeyFault& fault, bool is_secret) {
  const char* const whose = is_secret ? "this client's secret key" : "the daemon's public key";
  const char* const option = is_secret ? "--key" : "--server-key";
  if (fault.code == "KEY-101") {
    return {exit_code::not_found,
            "CTL-506",
            fmt::format("{} cannot be read", whose),
            fault.where,
            fault.what.substr(fault.what.find(": ") + 2),
            is_secret ? "backstagectl keygen --name NAME makes one, NAME.key_secret"
                      : "ask who runs the daemon for its .key file"};
  }
  if (fault.code == "KEY-102" || fault.code == "KEY-105") {
    return {exit_code::refused,
            "CTL-507",
            fmt::format("{} is not in that file", whose),
            fault.where,
            fault.what,
            fmt::format("{} takes {} as backstagectl keygen writes it: a line of 40 characters",
                        option, is_secret ? "NAME.key_secret" : "the daemon's .key")};
  }
  if (is_secret) {
    const bool is_public = fault.where.ends_with(".key");
    return {exit_code::permission,
            "CTL-508",
            "this client's secret key is not its own",
            fault.where,
            fmt::format("{}; whoever reads it can pretend to be this client",
                        fault.what.substr(0, fault.what.find(':'))),
            is_public ? "--key takes NAME.key_secret, not NAME.key"
                      : "chmod 600 it; if others may have read it, make a new key"};
  }
  return {exit_code::permission,
          "CTL-508",
          "others may change the daemon's public key",
          fault.where,
          fmt::format("{}; whoever changes it can pretend to be the daemon",
                      fault.what.substr(0, fault.what.find(':'))),
          "copy it to a file of your own that nobody else may write, and chmod go-w that"};
}

}  // namespace

KeyFiles key_files_of(const Options& options) {
  auto files = options.keys;
  if (files.server.empty()) files.server = variable("BACKSTAGED_SERVER_KEY");
  if (files.own.empty()) files.own = variable("BACKSTAGED_KEY");
  return files;
}

Outcome<client::curve_keys> read_keys(const KeyFiles& files) {
  if (files.server.empty() && files.own.empty()) return client::curve_keys{};
  if (files.server.empty() || files.own.empty()) return std::unexpected(one_alone(files));
  const auto server = policy::read_public_key(files.server);
  if (!server) return std::unexpected(fault_of_file(server.error(), false));
  const auto secret = policy::read_secret_key(files.own);
  if (!secret) return std::unexpected(fault_of_file(secret.error(), true));
  std::array<char, policy::key_digits + 1> open{};
  if (::zmq_curve_public(open.data(), secret->text().data()) != 0) {
    return std::unexpected(Fault{exit_code::internal, "CTL-504", "no key can be made", files.own,
                                 ::zmq_strerror(::zmq_errno()),
                                 "install Debian's libzmq5, which has CURVE"});
  }
  return client::curve_keys{.server = policy::encode_key({server->data(), server->size()}),
                            .own_public = open.data(),
                            .own_secret = std::string{secret->text()}};
}

Outcome<std::unique_ptr<client::connection>> connect(
    const std::string& endpoint, const Options& options, client::options with,
    const std::function<Fault(const client::error&)>& fault_of) {
  const auto files = key_files_of(options);
  const auto keys = read_keys(files);
  if (!keys) return std::unexpected(keys.error());
  with.curve = *keys;
  constexpr std::chrono::milliseconds connect_max{2'000};
  auto connection = std::make_unique<client::connection>(endpoint, std::move(with));
  const auto opened = connection->open(std::min(options.timeout, connect_max));
  if (opened) return connection;
  if (opened.error().token == "unreachable") {
    if (auto fault = fault_of_handshake(endpoint, *keys, files)) {
      return std::unexpected(*std::move(fault));
    }
  }
  return std::unexpected(fault_of(opened.error()));
}

}  // namespace backstage::ctl
