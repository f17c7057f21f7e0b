#include "daemon/ctl/door.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "daemon/config/runtime_dir.hpp"
#include "daemon/ctl/keys.hpp"

namespace backstage::ctl {
namespace {

constexpr const char* default_endpoint = "tcp://127.0.0.1:7770";

int exit_of(const client::error& error) {
  switch (error.number) {
    case 0:
      return error.token == "bad_endpoint" ? exit_code::usage : exit_code::unavailable;
    case 401:
    case 403:
      return exit_code::permission;
    case 404:
      return exit_code::not_found;
    case 429:
    case 503:
    case 504:
      return exit_code::try_again;
    default:
      return exit_code::refused;
  }
}

Fault fault_of(const client::error& error, const std::string& op, const std::string& endpoint) {
  if (error.number == 0) {
    const bool is_typo = error.token == "bad_endpoint";
    return {exit_of(error), is_typo ? "CTL-302" : "CTL-301", error.text, endpoint, {}, error.next};
  }
  return {exit_of(error),
          "CTL-303",
          fmt::format("the daemon refused {}: {} {}", op, error.number, error.token),
          endpoint,
          error.said,
          "backstagectl plugin ls shows the plugins and their states"};
}

}  // namespace

std::string choose_endpoint(std::string_view given, const std::optional<std::string>& variable,
                            const std::string& runtime_dir) {
  if (!given.empty()) return std::string{given};
  if (variable && !variable->empty()) return *variable;
  std::ifstream file(runtime_dir + "/endpoints.json");
  const auto written = Json::parse(file, nullptr, false);
  if (written.is_object()) {
    const auto cmd = written.find("cmd");
    if (cmd != written.end() && cmd->is_array() && !cmd->empty() && cmd->front().is_string()) {
      return cmd->front().get<std::string>();
    }
  }
  return default_endpoint;
}

std::string endpoint_of(const Options& options) {
  const char* variable = std::getenv("BACKSTAGED_ENDPOINT");
  const auto environment = config::Environment::of_process();
  return choose_endpoint(options.endpoint,
                         variable == nullptr ? std::nullopt : std::optional<std::string>(variable),
                         config::choose_runtime_dir({}, environment));
}

Outcome<Door> Door::open(const Options& options) {
  const auto endpoint = endpoint_of(options);
  auto connection = connect(endpoint, options, {}, [&endpoint](const client::error& error) {
    return fault_of(error, "to talk", endpoint);
  });
  if (!connection) return std::unexpected(connection.error());
  return Door(*std::move(connection), endpoint, options.timeout);
}

Outcome<Json> Door::ask(const Json& question) {
  const auto op = text_of(question, "op");
  const auto answer = connection_->request("$backstage", one_line(question), {.timeout = timeout_});
  if (!answer) return std::unexpected(fault_of(answer.error(), "op " + op, endpoint_));
  auto json = Json::parse(answer->payload, nullptr, false);
  if (json.is_object()) return json;
  return std::unexpected(Fault{exit_code::internal,
                               "CTL-304",
                               fmt::format("the answer to op {} is no JSON object", op),
                               endpoint_,
                               {},
                               "is that endpoint a backstaged?"});
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) return {};
  return found->get<std::string>();
}

std::string number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return {};
  return found->dump();
}

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace backstage::ctl
