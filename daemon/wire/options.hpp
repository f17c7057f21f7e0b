/// The `key=value` words of a command: which there are, and their values once checked.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/wire/format.hpp"
#include "daemon/wire/line.hpp"
#include "daemon/wire/status.hpp"

namespace backstage::wire {

enum class Key : std::uint8_t {
  id,
  type,
  from,
  ttl,
  retain,
  window,
  ack,
  snap,
  over,
  v,
  name,
  resume,
  hb,
  verbose,
  frames,
  batch,
};

/// A set of keys, one bit each.
using Keys = std::uint32_t;
[[nodiscard]] constexpr Keys bit(Key key) noexcept { return Keys{1} << static_cast<unsigned>(key); }
template <class... More>
[[nodiscard]] constexpr Keys keys(More... more) noexcept {
  return (bit(more) | ... | 0U);
}

/// The keys that `verb` takes; `id` is taken by all, so that any refusal can be named. [any]
[[nodiscard]] Keys keys_of(Verb verb) noexcept;

/// Values of all keys of one line; those not given keep their "not given". Views into the line.
struct Options {
  std::uint64_t id = 0;
  std::uint64_t ttl = 0;  ///< milliseconds, but seconds in HELLO
  std::uint32_t heartbeat_ms = 0;
  std::uint32_t window = 0;
  std::optional<Over> over;
  bool retain = false;
  bool ack = false;
  bool snapshot = false;
  bool verbose = false;
  bool one_frame = false;
  bool batch = false;
  std::string_view type;
  std::string_view from;
  std::string_view name;
  std::string_view resume;
};

/// A refusal without the id.
struct Fault {
  Status status;
  std::string text;
};

/// Takes the rest of a line as key=value words.
/// Unknown keys are ignored, unless they end in '!' (501 unsupported). `key!` of a known key is
/// that key. Errors: 400 bad_arg (a word without key or '=', a key given twice, a value out of
/// range), 400 bad_name, 403 reserved_name, 501 unsupported. [any]
[[nodiscard]] std::optional<Fault> read_options(Verb verb, Words words, Options& options);

/// `text`, cut to what fits into a sentence. [any]
[[nodiscard]] std::string quoted(std::string_view text);
/// `; write: SEND actor ...`: how every text about a wrong line ends. [any]
[[nodiscard]] std::string remedy(Verb verb);

}  // namespace backstage::wire
