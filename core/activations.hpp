/// Activation rules: create an actor on its first message, by name or by topic (ruling 19).
///
/// `activate` is a name whose {1}..{9} stand for one token each: `book:{1}`. SEND and REQ to a name
/// it matches create the actor. With `on`, a pattern with as many wildcards, a publish creates it
/// too: the captures fill `activate`, the actor is subscribed to `on` with the captures filled in,
/// and gets the triggering message first.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/values/pattern.hpp"
#include "core/values/result.hpp"

namespace backstage {

struct ActivationRule {
  std::string activate;
  std::string type;
  std::optional<Pattern> on;
  Duration idle{};        ///< 0: never passivated
  std::uint32_t max = 0;  ///< living actors of this rule; 0: no limit of its own
  std::string config;
};

/// An actor that a rule would make.
struct Activation {
  std::size_t rule;
  std::string name;
  std::optional<Pattern> subscription;
};

/// Whether `name` fits a template such as `book:{1}`; the captures by number. A capture is one
/// token (no '.', at least one byte) and ends where the template's next character first comes; two
/// captures never stand side by side. Linear in the name. Pure, so that config can check rules with
/// the same code.
[[nodiscard]] std::optional<std::vector<std::string>> match_template(std::string_view name_template,
                                                                     std::string_view name);
/// The template with its captures filled in (captures[0] is {1}); nothing if one is missing.
[[nodiscard]] std::optional<std::string> fill_template(std::string_view name_template,
                                                       const std::vector<std::string>& captures);

/// The rules. Added before messages flow, read-only afterwards, so readers take no lock.
class Activations {
 public:
  /// Errors: bad_arg (template or captures do not fit together). [main]
  [[nodiscard]] Result<void> add(ActivationRule rule);
  /// The first rule whose template matches. [any]
  [[nodiscard]] std::optional<Activation> by_name(std::string_view name) const;
  /// Every rule whose `on` matches. [any]
  [[nodiscard]] std::vector<Activation> by_address(const Address& address) const;
  [[nodiscard]] const ActivationRule& rule(std::size_t index) const { return rules_[index].rule; }
  [[nodiscard]] bool empty() const noexcept { return rules_.empty(); }
  /// Whether some rule subscribes the actors it makes. [any]
  [[nodiscard]] bool subscribe() const noexcept { return subscribe_; }

  /// Counts one more actor of the rule, unless `max` are there. [any]
  [[nodiscard]] bool claim(std::size_t index) noexcept;
  void release(std::size_t index) noexcept;
  /// Living actors of one rule. [any]
  [[nodiscard]] std::uint32_t living(std::size_t index) const noexcept {
    return rules_[index].living.load(std::memory_order_relaxed);
  }
  /// Of all rules. [any]
  [[nodiscard]] std::uint64_t living() const noexcept;

 private:
  struct Entry {
    explicit Entry(ActivationRule given) : rule(std::move(given)) {}
    Entry(Entry&& other) noexcept : rule(std::move(other.rule)), living(other.living.load()) {}
    ActivationRule rule;
    std::atomic<std::uint32_t> living{0};
  };
  std::vector<Entry> rules_;
  bool subscribe_ = false;
};

}  // namespace backstage
