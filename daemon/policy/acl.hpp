/// Access rules: which principal may do what where. Pure.
///
/// Rules are tried in order, and the first that matches decides. What none matches is allowed to
/// whom the machine itself trusts (root, the daemon's own user, loopback TCP), and to nobody else.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace backstage::policy {

/// What a rule can speak of. send, req, watch and name concern an actor, pub, sub and get an
/// address, ingest the name that is spoken for; admin is `REQ $backstage`, sync is SYNC.
enum class Right : std::uint8_t { send, req, pub, sub, get, watch, name, admin, sync, ingest };
inline constexpr std::size_t right_count = static_cast<std::size_t>(Right::ingest) + 1;
[[nodiscard]] std::string_view token(Right right) noexcept;

/// `sub:sensors/*`: rights, and a glob for where. Without the latter: everywhere.
struct Entry {
  std::uint16_t rights = 0;        ///< a bit for each
  bool is_for_all_rights = false;  ///< written `*`: names no right in particular
  std::string actor{"*"};
  std::string address{"*/*"};  ///< actor and topic
  bool has_topic = false;
};
/// Reads an entry. Errors: a sentence. [any]
[[nodiscard]] std::expected<Entry, std::string> parse_entry(std::string_view text);

struct Rule {
  std::string user;  ///< glob over principals: `unix:1000`, `curve:dash*`
  bool allows = false;
  std::vector<Entry> entries;
};
/// Whether `text` can be the glob of a rule's user. [any]
[[nodiscard]] bool is_user_glob(std::string_view text) noexcept;

/// What one principal may. One thread: it remembers its decisions.
class Rights {
 public:
  Rights(std::vector<Rule> rules, bool is_trusted);

  /// Nothing is forbidden: there is nothing to ask.
  [[nodiscard]] bool is_everything() const noexcept { return is_everything_; }
  /// `where`: an actor's name for send, req, watch, name and ingest; an address for pub and get;
  /// for sub an address or pattern, of which all must be allowed; nothing for admin and sync.
  [[nodiscard]] bool allows(Right right, std::string_view where = {}) const;
  /// Whether a rule allows it that names this very right, not all by `*`: what it takes to publish
  /// under a name that somebody else holds.
  [[nodiscard]] bool allows_expressly(Right right, std::string_view where) const;

 private:
  enum class Verdict : std::uint8_t { denied, by_default, by_rule, expressly };
  [[nodiscard]] Verdict decide(Right right, std::string_view where) const;
  [[nodiscard]] Verdict remembered(Right right, std::string_view where) const;

  std::vector<Rule> rules_;  // those that concern this principal
  bool is_trusted_;
  bool is_everything_;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  mutable std::unordered_map<std::string, Verdict, Hash, std::equal_to<>> decided_;
  mutable std::string key_;  // kept for its capacity
};

class Acl {
 public:
  /// Trusts `own_uid`, and root, on ipc.
  Acl(std::vector<Rule> rules, std::uint32_t own_uid);
  [[nodiscard]] Rights rights_of(std::string_view user) const;

 private:
  [[nodiscard]] bool is_trusted(std::string_view user) const noexcept;
  std::vector<Rule> rules_;
  std::string own_user_;
};

}  // namespace backstage::policy
