// Any bytes as what a connection sends: handshake, commands, messages. However they are cut into
// reads they mean the same; nothing is kept that is over a limit; nothing is read beyond its end.
//
// The first byte of an input seeds where it is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/transport/zmtp_reader.hpp"
#include "daemon/zmtp/command.hpp"
#include "daemon/zmtp/handshake.hpp"

namespace {

using namespace backstage;

constexpr std::uint64_t frame_bytes_max = 20'000;
constexpr std::size_t frames_max = 5;
// More than a reader may leave behind between two reads: a frame that it does not yet know to be
// large, a command, READY.
constexpr std::size_t tail_bytes_max = 4'096 + zmtp::header_bytes_max;

// A broken promise must stop the fuzzer in every build type.
void require(bool holds) {
  if (!holds) std::abort();
}

// What a connection does with what it reads, written down.
class Told {
 public:
  // False: it is over.
  bool read(std::string_view come) {
    bytes_.resize(reader_.has_tail() ? tail_bytes_max : 0);
    const std::size_t kept = reader_.take_tail(bytes_.data());
    require(kept <= tail_bytes_max);
    bytes_.resize(kept);
    bytes_ += come;
    std::string_view bytes = bytes_;
    if (handshake_.state() == zmtp::Handshake::State::open) {
      bytes.remove_prefix(handshake_.read(bytes));
      if (handshake_.state() == zmtp::Handshake::State::refused) return end("refused");
      if (handshake_.state() == zmtp::Handshake::State::open) {
        reader_.keep(bytes, message_);
        return true;
      }
      story += "type " + handshake_.socket_type() + '\n';
    }
    return take(bytes);
  }
  // Where the rest of a large frame goes: as much as there is room for.
  bool read_body(std::string_view& come) {
    const auto room = reader_.body_room();
    const auto part = come.substr(0, room.size());
    std::ranges::copy(part, room.begin());
    come.remove_prefix(part.size());
    return !reader_.filled(part.size()) || take({});
  }
  [[nodiscard]] bool is_in_body() const { return !reader_.body_room().empty(); }

  std::string story;

 private:
  using What = transport::ZmtpReader::What;

  bool take(std::string_view bytes) {
    auto what = reader_.resume(message_) ? What::message : reader_.next(bytes, message_);
    for (;; what = reader_.next(bytes, message_)) {
      if (what == What::broken) return end("broken");
      if (what == What::nothing) {
        reader_.keep(bytes, message_);
        return true;
      }
      if (what == What::command) {
        tell("command", reader_.command());
        const auto command = zmtp::parse_command(reader_.command());
        (void)zmtp::parse_ping(command.data);
        (void)zmtp::parse_ready(command.data);
        continue;
      }
      require(message_.all_frames().size() <= frames_max);
      for (const auto frame : message_.all_frames()) tell("frame", frame);
      story += "end\n";
      message_.clear();
    }
  }
  bool end(std::string_view how) {
    story += how;
    return false;
  }
  void tell(std::string_view what, std::string_view bytes) {
    require(bytes.size() <= frame_bytes_max);
    story.append(what).append(1, ' ').append(bytes).append(1, '\n');
  }

  zmtp::Handshake handshake_;
  transport::ZmtpReader reader_{frame_bytes_max};
  transport::ZmtpMessage message_;
  std::string bytes_;
};

std::string story_of(std::string_view bytes, std::uint32_t seed, std::size_t piece_max) {
  Told told;
  bool goes_on = true;
  while (goes_on && !bytes.empty()) {
    if (told.is_in_body()) {
      goes_on = told.read_body(bytes);
      continue;
    }
    seed = seed * 1'664'525U + 1'013'904'223U;
    const auto piece = bytes.substr(0, 1 + (seed >> 8U) % piece_max);
    bytes.remove_prefix(piece.size());
    goes_on = told.read(piece);
  }
  return told.story;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto whole = story_of(bytes, 0, size);
  require(whole == story_of(bytes, data[0], 64));
  require(whole == story_of(bytes, data[0], 1));
  return 0;
}
