#include "daemon/wire/encode.hpp"

#include <charconv>
#include <limits>

#include "core/values/short_copy.hpp"
#include "daemon/wire/line.hpp"

namespace backstage::wire {
namespace {

constexpr std::size_t digits_max = std::numeric_limits<std::uint64_t>::digits10 + 1;

// Returns the end of it.
char* write(char* at, std::string_view text) noexcept {
  copy_mostly_short(at, text.data(), text.size());
  return at + text.size();
}

// The same. Most subscriptions have a number of one digit.
char* write_number(char* at, char* end, std::uint64_t number) noexcept {
  if (number > 9) return std::to_chars(at, end, number).ptr;
  *at = static_cast<char>('0' + number);
  return at + 1;
}

void append_status(std::string& out, Status status) {
  append_word(out, status.number);
  append_word(out, status.token);
}

void append_type(std::string& out, std::string_view type) {
  if (!type.empty()) append_pair(out, "type=", type);
}

// ` address seq sender`, as MSG and VAL share it.
void append_origin(std::string& out, std::string_view address, std::uint64_t seq,
                   std::string_view sender) {
  append_word(out, address);
  append_word(out, seq);
  append_word(out, sender);
}

// An ipc path may hold spaces and worse, and one word is one word.
void append_endpoint(std::string& out, std::string_view key, std::string_view endpoint) {
  static constexpr std::string_view hex = "0123456789ABCDEF";
  append_word(out, key);
  for (const char c : endpoint) {
    if (c > ' ' && c <= '~') {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(hex[byte >> 4U]);
    out.push_back(hex[byte & 0xFU]);
  }
}

}  // namespace

void encode(std::string& out, const Welcome& welcome) {
  out.append("WELCOME");
  append_pair(out, "v=", welcome.version);
  append_pair(out, "name=", welcome.name);
  append_pair(out, "session=", welcome.session);
  append_pair(out, "epoch=", welcome.epoch);
  append_pair(out, "last_id=", welcome.last_id);
  append_pair(out, "max_payload=", welcome.max_payload);
  append_pair(out, "window=", welcome.window);
  append_endpoint(out, "pub=", welcome.pub);
  append_endpoint(out, "ingest=", welcome.ingest);
}

void encode(std::string& out, const Ok& ok) {
  out.append("OK");
  append_word(out, ok.id);
  if (ok.sub) append_pair(out, "sub=", *ok.sub);
  if (ok.seq) append_pair(out, "seq=", *ok.seq);
  if (ok.n) append_pair(out, "n=", *ok.n);
  if (ok.full) append_pair(out, "full=", *ok.full);
  if (ok.dup) append_word(out, "dup=1");
}

void encode(std::string& out, const Err& err) {
  out.append("ERR");
  append_word(out, err.id);
  append_status(out, err.status);
  if (err.retry_ms) append_pair(out, "retry=", *err.retry_ms);
  if (err.supported) append_pair(out, "supported=", *err.supported);
  if (err.sub) append_pair(out, "sub=", *err.sub);
  if (err.dup) append_word(out, "dup=1");
}

void encode(std::string& out, const Rep& rep) {
  const std::size_t begin = out.size();
  constexpr std::size_t bytes_max = std::string_view("REP ").size() + digits_max;
  out.resize_and_overwrite(begin + bytes_max, [&](char* data, std::size_t size) {
    char* const at = write(data + begin, "REP ");
    return static_cast<std::size_t>(write_number(at, data + size, rep.id) - data);
  });
  append_type(out, rep.type);
}

void encode(std::string& out, const Val& val) {
  out.append("VAL");
  append_word(out, val.id);
  append_origin(out, val.address, val.seq, val.sender);
  append_type(out, val.type);
}

// The line of every delivery, written in one go: word by word it took three times as long.
void encode(std::string& out, const Msg& msg) {
  const std::size_t begin = out.size();
  const std::size_t bytes_max =
      std::string_view("MSG    ").size() + 2 * digits_max + msg.address.size() + msg.sender.size();
  out.resize_and_overwrite(begin + bytes_max, [&](char* data, std::size_t size) {
    char* const end = data + size;
    char* at = write(data + begin, "MSG ");
    at = write(write_number(at, end, msg.sub), " ");
    at = write(write(at, msg.address), " ");
    at = write(write_number(at, end, msg.seq), " ");
    return static_cast<std::size_t>(write(at, msg.sender) - data);
  });
  append_type(out, msg.type);
  if (msg.rid != 0) append_pair(out, "rid=", msg.rid);
  if (msg.snapshot) append_word(out, "snap=1");
  if (msg.redelivered) append_word(out, "redelivered=1");
}

void encode(std::string& out, const Gap& gap) {
  out.append("GAP");
  append_word(out, gap.sub);
  append_word(out, gap.address);
  append_word(out, gap.first);
  append_word(out, gap.last);
  append_word(out, text(gap.reason));
}

void encode(std::string& out, const Pong& pong) {
  out.append("PONG");
  append_pair(out, "epoch=", pong.epoch);
  append_pair(out, "subs=", pong.subs);
  if (!pong.token.empty()) append_word(out, pong.token);
}

void encode(std::string& out, const Heartbeat& /*heartbeat*/) { out.append("PING"); }

void encode(std::string& out, const Farewell& bye) {
  out.append("BYE");
  append_status(out, bye.status);
}

void encode(std::string& out, const Draining& draining) {
  out.append("DRAINING");
  append_word(out, static_cast<std::uint64_t>(draining.within.count()));
}

void encode(std::string& out, const Down& down) {
  out.append("DOWN");
  append_word(out, down.actor);
  append_word(out, down.reason);
}

void encode(std::string& out, const Packed& packed) {
  out.append("BATCH");
  append_word(out, packed.count);
}

void encode(std::string& out, const Answer& answer) {
  std::visit([&out](const auto& one) { encode(out, one); }, answer);
}

void encode(std::string& out, const PubHeader& header) {
  out.append(header.address).push_back('|');
  append_number(out, header.seq);
  out.append(1, '|').append(header.epoch).append(1, '|').append(header.sender);
}

void encode(std::string& out, const Refusal& refusal) {
  Err err{.id = refusal.id, .status = refusal.status};
  if (refusal.status == status(WireErrc::version)) err.supported = protocol_version;
  encode(out, err);
}

}  // namespace backstage::wire
