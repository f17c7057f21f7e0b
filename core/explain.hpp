/// Explain: what is known of a name, an address or a message, as facts. For people and tools that
/// ask why.
///
/// A snapshot, put together while messages move: what it says of one actor may be over when it says
/// something of the next. No lock is held for longer than a look into one mailbox, and what is
/// looked at is bounded; where a bound cut an answer short, the answer says so.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/cell.hpp"
#include "core/dead_letters.hpp"
#include "core/fates.hpp"
#include "core/fwd.hpp"
#include "core/mailbox.hpp"
#include "core/values/names.hpp"

namespace backstage {

/// A rule that would make an actor, and what stands against it.
struct RuleFacts {
  std::string activate;
  std::string type;
  std::uint32_t living = 0;  ///< actors it has made
  std::uint32_t max = 0;     ///< 0: no limit of its own
  bool is_type_known = true;
};

struct NameFacts {
  std::string name;
  std::optional<RuleFacts> rule;  ///< that makes an actor of this name
  bool is_living = false;
  // The rest of a living one:
  std::string type;  ///< "client" for sessions
  Phase phase{};
  std::string parent;
  std::uint64_t restarts = 0;
  std::optional<Trouble> trouble;
  Mailbox::Depth mailbox;
  Ledger ledger;
  std::optional<Kind> handling;
  MessageId handled_last{};
};

struct SubscriberFacts {
  std::string pattern;
  std::uint64_t id = 0;
  std::string subscriber;  ///< empty: it has just ended
  Overflow overflow{};
  bool is_full = false;
  bool is_parked = false;
};

struct AddressFacts {
  /// Subscribers looked at, and of those the most that are listed.
  static constexpr std::size_t looked_at_max = 4096;
  static constexpr std::size_t listed_max = 100;

  std::string address;
  bool is_known = false;  ///< it was published on, or subscribed to by its own name
  std::uint64_t seq = 0;  ///< of the last publish
  bool is_retained = false;
  std::uint64_t retained_seq = 0;
  std::uint64_t retained_bytes = 0;
  std::uint64_t subscriptions = 0;  ///< that match
  std::uint64_t looked_at = 0;
  std::uint64_t full = 0;               ///< of those looked at
  std::uint64_t parked = 0;             ///< of those looked at
  std::vector<SubscriberFacts> listed;  ///< those that are full or parked first
  struct Activated {
    RuleFacts rule;
    std::string name;
    bool is_living = false;
  };
  std::vector<Activated> activations;  ///< what a publish makes, where it is not there
};

struct MessageFacts {
  /// Messages looked at in one mailbox, and in all.
  static constexpr std::uint64_t looks_max = 16'384;
  static constexpr std::uint64_t looks_in_all_max = 1'000'000;

  enum class State : std::uint8_t {
    never_given,  ///< no message has this number yet
    waiting,      ///< in the mailbox of `actor`, behind `ahead` others
    running,      ///< handled by `actor` now
    held,         ///< taken by `actor`, to be handled by its next self or when its peer takes more
    dead_letter,
    dropped,   ///< for `cause`
    forgotten  ///< handled, refused at once, or it ended longer ago than is remembered
  };
  MessageId id{};
  State state = State::forgotten;
  std::string actor;  ///< empty: it has ended, and its name is not known any more
  Kind kind{};        ///< waiting, running, held
  std::uint64_t ahead = 0;
  LetterPtr letter;
  DropCause cause{};
  bool is_cut = false;  ///< forgotten, but not every mailbox was looked through
};

/// [any]
[[nodiscard]] NameFacts explain(const Runtime& runtime, std::string_view name);
[[nodiscard]] AddressFacts explain(const Runtime& runtime, const Address& address);
[[nodiscard]] MessageFacts explain(const Runtime& runtime, MessageId id);

}  // namespace backstage
