// Any bytes as a message: decoding never fails badly, and what is accepted survives a round trip.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "daemon/wire/answer.hpp"
#include "daemon/wire/batch.hpp"
#include "daemon/wire/compose.hpp"
#include "daemon/wire/decode.hpp"
#include "daemon/wire/encode.hpp"

namespace {

using namespace backstage::wire;

// A broken promise must stop the fuzzer in every build type.
void require(bool holds) {
  if (!holds) std::abort();
}

void check_refusal(const Refusal& refusal) {
  require(refusal.status.number >= 400 && refusal.status.number <= 599);
  require(refusal.id <= id_max);
  require(refusal.text.size() < 1024);
  for (const char c : refusal.text) require(c >= ' ' && c <= '~');
  std::string line;
  encode(line, refusal);
  require(read_answer(line).has_value());
}

void check_command(std::string_view control) {
  const auto command = decode(control);
  if (!command) return check_refusal(command.error());
  require(control.size() <= control_bytes_max);
  std::string again;
  compose(again, *command);
  // A topic left out is written out, so the line may have grown past the limit.
  if (again.size() > control_bytes_max) return;
  const auto decoded = decode(again);
  require(decoded.has_value());
  require(*decoded == *command);
}

void check_answer(std::string_view control) {
  const auto answer = read_answer(control);
  if (!answer) return require(!answer.error().empty());
  std::string again;
  encode(again, *answer);
  if (again.size() > control_bytes_max) return;
  const auto read = read_answer(again);
  require(read.has_value());
  require(*read == *answer);
}

void check_message(std::span<const std::string_view> frames);

// What is accepted is whole: so many messages, written again to the same bytes.
void check_batch(std::string_view payload, std::uint32_t count) {
  auto reader = BatchReader::open(payload, count);
  if (!reader) {
    require(reader.error().status == status(WireErrc::bad_batch));
    return check_refusal(reader.error());
  }
  std::string again;
  std::uint32_t entries = 0;
  while (const auto message = reader->next()) {
    ++entries;
    append_batch_entry(again, *message, nullptr);
    check_message({&*message, 1});
  }
  require(entries == count);
  require(again == payload);
}

void check_message(std::span<const std::string_view> frames) {
  const auto message = split(frames);
  if (!message) return check_refusal(message.error());
  require(message->payload_frame < frames.size());
  require(frames[message->payload_frame].substr(message->payload_offset) == message->payload);
  check_command(message->control);
  const auto command = decode(message->control);
  if (!command) return;
  const auto* const batch = std::get_if<Batch>(&*command);
  if (batch != nullptr) check_batch(message->payload, batch->count);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_message({&input, 1});
  // The same bytes as frames, cut at each 0x1e (record separator).
  std::string_view frames[4];
  std::size_t count = 0;
  for (std::string_view rest = input; count < 4;) {
    const auto cut = rest.find('\x1e');
    frames[count++] = rest.substr(0, cut);
    if (cut == std::string_view::npos) break;
    rest.remove_prefix(cut + 1);
  }
  check_message({frames, count});
  check_answer(input);
  // As the payload of a batch, too, of as many entries as its first byte says.
  if (!input.empty()) check_batch(input.substr(1), static_cast<unsigned char>(input[0]) + 1U);
  static_cast<void>(read_pub_header(input));
  return 0;
}
