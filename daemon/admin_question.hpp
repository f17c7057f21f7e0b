/// Question: one request to the admin door, read strictly: an argument that is wrong or that the op
/// does not know is refused, because half of the ops change something.
#pragma once
#include <cstdint>
#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/values/errc.hpp"
#include "daemon/config/json_document.hpp"

namespace backstage::daemon {

using config::Json;

/// What an op answers: JSON, or an error whose text says what, why and what to do next.
struct Refusal {
  Errc code;
  std::string text;
};
using Answer = std::expected<Json, Refusal>;
[[nodiscard]] std::unexpected<Refusal> refuse(Errc code, std::string text);
/// "a, b, c"
[[nodiscard]] std::string listed(std::span<const std::string_view> words);

/// The arguments are read one after the other; the first that is wrong is kept as the problem, and
/// what is read after it is empty.
class Question {
 public:
  /// Errors: bad_arg (no JSON, no object, no op of `ops`).
  [[nodiscard]] static std::expected<Question, Refusal> parse(
      std::string_view text, std::span<const std::string_view> ops);
  [[nodiscard]] const std::string& op() const noexcept { return op_; }

  [[nodiscard]] std::string text(std::string_view key);
  [[nodiscard]] std::optional<std::string> text_if(std::string_view key);
  [[nodiscard]] std::optional<std::uint64_t> number_if(std::string_view key, std::uint64_t min,
                                                       std::uint64_t max);
  [[nodiscard]] bool flag(std::string_view key);
  /// The place of the word among `words`.
  [[nodiscard]] std::optional<std::size_t> choice_if(std::string_view key,
                                                     std::span<const std::string_view> words);
  /// Any value; null when it is left out.
  [[nodiscard]] const Json* value_if(std::string_view key);
  /// Notes a problem of the caller's finding, if it is the first.
  void reject(Errc code, std::string text);

  /// Asked once all arguments are read: what was not read is unknown.
  [[nodiscard]] std::optional<Refusal> problem();

 private:
  Question(Json json, std::string op);

  Json json_;
  std::string op_;
  std::vector<std::string> read_;
  std::optional<Refusal> problem_;
};

}  // namespace backstage::daemon
