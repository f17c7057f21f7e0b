#include "daemon/wire/batch.hpp"

#include <bit>
#include <cstring>

#include "core/values/short_copy.hpp"
#include "daemon/wire/line.hpp"

namespace backstage::wire {
namespace {

// The caller has checked that the length is there.
std::size_t length_at(std::string_view bytes) noexcept {
  std::uint32_t length = 0;
  static_assert(sizeof length == batch_length_bytes);
  std::memcpy(&length, bytes.data(), sizeof length);
  return std::endian::native == std::endian::little ? length : __builtin_bswap32(length);
}

// Whether the message's first word is BATCH, whatever follows.
bool is_batch(std::string_view message) noexcept {
  constexpr std::string_view word = "BATCH";
  if (!message.starts_with(word)) return false;
  return message.size() == word.size() || message[word.size()] == ' ' ||
         message[word.size()] == '\n';
}

std::unexpected<Refusal> bad_batch(std::string text) {
  return std::unexpected(Refusal{0, status(WireErrc::bad_batch), std::move(text)});
}

std::string entry_of(std::uint32_t number, std::uint32_t count) {
  return "entry " + std::to_string(number) + " of " + std::to_string(count);
}

constexpr std::string_view nothing_ran =
    "; each entry is its length in four bytes, little end first, and a message of that length; "
    "nothing of the batch ran";

}  // namespace

std::expected<BatchReader, Refusal> BatchReader::open(std::string_view payload,
                                                      std::uint32_t count) {
  std::string_view rest = payload;
  for (std::uint32_t number = 1; number <= count; ++number) {
    if (rest.size() < batch_length_bytes) {
      return bad_batch(entry_of(number, count) + " is missing: " + std::to_string(rest.size()) +
                       " bytes are left for it" + std::string(nothing_ran));
    }
    const std::size_t length = length_at(rest);
    rest.remove_prefix(batch_length_bytes);
    if (length > rest.size()) {
      return bad_batch(entry_of(number, count) + " says that it has " + std::to_string(length) +
                       " bytes, and " + std::to_string(rest.size()) + " are left" +
                       std::string(nothing_ran));
    }
    if (is_batch(rest.substr(0, length))) {
      return bad_batch(entry_of(number, count) +
                       " is a BATCH, and batches do not nest: send it by itself; nothing of the "
                       "batch ran");
    }
    rest.remove_prefix(length);
  }
  if (!rest.empty()) {
    return bad_batch(std::to_string(rest.size()) + " bytes follow the last of " +
                     std::to_string(count) + " entries" + std::string(nothing_ran));
  }
  return BatchReader(payload);
}

std::optional<std::string_view> BatchReader::next() noexcept {
  if (rest_.empty()) return std::nullopt;
  const std::size_t length = length_at(rest_);
  const auto entry = rest_.substr(batch_length_bytes, length);
  rest_.remove_prefix(batch_length_bytes + length);
  return entry;
}

void append_batch_entry(std::string& out, std::string_view control,
                        const std::string_view* payload) {
  const std::size_t begin = out.size();
  const std::size_t bytes = batch_entry_bytes(control, payload);
  // g++ 12 gives it more than was asked for, and says so: the size is ours to know.
  out.resize_and_overwrite(begin + bytes, [&](char* data, std::size_t /*size*/) {
    char* at = data + begin;
    for (std::size_t i = 0; i < batch_length_bytes; ++i) {
      *at++ = static_cast<char>((bytes - batch_length_bytes) >> (8 * i) & 0xFFU);
    }
    copy_mostly_short(at, control.data(), control.size());
    if (payload == nullptr) return begin + bytes;
    at += control.size();
    *at++ = '\n';
    copy_mostly_short(at, payload->data(), payload->size());
    return begin + bytes;
  });
}

}  // namespace backstage::wire
