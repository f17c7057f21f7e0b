/// Door: the running daemon's `$backstage` as JSON questions and answers.
#pragma once
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "clients/cpp/backstage/client.hpp"
#include "daemon/ctl/options.hpp"

namespace backstage::ctl {

using Json = nlohmann::json;

/// Where the daemon listens: as given, else $BACKSTAGED_ENDPOINT, else the first `cmd` of the
/// runtime directory's endpoints.json, else the default port. [main]
[[nodiscard]] std::string choose_endpoint(std::string_view given,
                                          const std::optional<std::string>& variable,
                                          const std::string& runtime_dir);

/// The same for the options and the process as they are. [main]
[[nodiscard]] std::string endpoint_of(const Options& options);

class Door final {
 public:
  /// Faults: CTL-301 nobody listens, CTL-302 no endpoint; those of keys, CTL-505 to 512.
  [[nodiscard]] static Outcome<Door> open(const Options& options);

  /// One question, such as {"op":"stats"}. Faults: CTL-303 refused, CTL-304 no JSON, CTL-301.
  [[nodiscard]] Outcome<Json> ask(const Json& question);
  [[nodiscard]] const std::string& endpoint() const noexcept { return endpoint_; }

 private:
  Door(std::unique_ptr<client::connection> connection, std::string endpoint,
       std::chrono::milliseconds timeout)
      : connection_(std::move(connection)), endpoint_(std::move(endpoint)), timeout_(timeout) {}

  std::unique_ptr<client::connection> connection_;
  std::string endpoint_;
  std::chrono::milliseconds timeout_;
};

/// A text of an object; empty when there is none of that name.
[[nodiscard]] std::string text_of(const Json& object, const char* key);
/// A whole number as text; empty when there is none of that name.
[[nodiscard]] std::string number_of(const Json& object, const char* key);
/// For `-o json`: one line, whatever bytes the texts hold.
[[nodiscard]] std::string one_line(const Json& json);

}  // namespace backstage::ctl
