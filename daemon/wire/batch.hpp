/// The payload of BATCH, both ways: entries of a length (u32, little end first) and a one-frame
/// message of that many bytes, `CTL [LF payload]`.
///
/// Pure, and nothing is copied on reading: entries are views of the payload.
#pragma once
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/wire/decode.hpp"

namespace backstage::wire {

/// Of the length in front of each entry.
inline constexpr std::size_t batch_length_bytes = 4;

/// The entries of one checked BATCH, in order. A value: copies read on their own.
class BatchReader {
 public:
  /// No entries.
  BatchReader() = default;

  /// Checks the whole payload before any entry is given out: `count` entries that end exactly where
  /// it ends, none of them a BATCH. What an entry says is not looked at: it is answered by itself.
  /// Errors: 400 bad_batch, which names the entry. Its id is 0.
  /// **Ownership**: the reader's views point into `payload`. [any]
  [[nodiscard]] static std::expected<BatchReader, Refusal> open(std::string_view payload,
                                                                std::uint32_t count);
  /// The next message; nothing after the last.
  [[nodiscard]] std::optional<std::string_view> next() noexcept;
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }

 private:
  explicit BatchReader(std::string_view payload) noexcept : rest_(payload) {}

  std::string_view rest_;
};

/// How many bytes an entry takes. [any]
[[nodiscard]] constexpr std::size_t batch_entry_bytes(std::string_view control,
                                                      const std::string_view* payload) noexcept {
  return batch_length_bytes + control.size() + (payload == nullptr ? 0 : 1 + payload->size());
}
/// Appends one entry; `payload` null: the control line alone. Control line and payload are far from
/// 4 GiB. [any, one thread at a time per buffer]
void append_batch_entry(std::string& out, std::string_view control,
                        const std::string_view* payload);

}  // namespace backstage::wire
