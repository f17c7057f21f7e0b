#include "daemon/wire/answer.hpp"

#include "daemon/wire/line.hpp"

namespace backstage::wire {
namespace {

using Read = std::expected<Answer, std::string_view>;

constexpr std::uint64_t number_max = std::numeric_limits<std::uint64_t>::max();

// Takes positional words; after the first wrong one every further take is empty.
class Fields {
 public:
  explicit Fields(Words words) noexcept : words_(words) {}

  std::uint64_t number(std::uint64_t max = number_max) noexcept {
    const auto parsed = parse_number<std::uint64_t>(words_.next_argument(), 0, max);
    good_ = good_ && parsed.has_value();
    return parsed.value_or(0);
  }
  std::string_view word() noexcept {
    const auto word = words_.next_argument();
    good_ = good_ && !word.empty();
    return word;
  }
  Status status() noexcept {
    Status status;
    status.number = static_cast<std::uint16_t>(number(999));
    status.token = word();
    return status;
  }
  // Gives each key and value to `take(key, value) -> bool`, and unless `tail` is null a last word
  // without '=' to it.
  template <class Take>
  void pairs(std::string_view* tail, Take take) {
    while (good_ && !words_.empty()) {
      const Word word = words_.next();
      if (!word.has_equals() && tail != nullptr && words_.empty()) {
        *tail = word.text;
      } else {
        good_ = word.is_pair() && take(word.key(), word.value());
      }
    }
  }
  template <class Take>
  void pairs(Take take) {
    pairs(nullptr, take);
  }
  void ignore_pairs() {
    pairs([](std::string_view, std::string_view) { return true; });
  }
  [[nodiscard]] bool good() const noexcept { return good_; }

 private:
  Words words_;
  bool good_ = true;
};

template <class Number, class Out>
bool store(std::string_view value, Out& out) {
  const auto parsed = parse_number<Number>(value, 0, std::numeric_limits<Number>::max());
  if (!parsed) return false;
  const Number number = *parsed;
  out = number;
  return true;
}

bool store_flag(std::string_view value, bool& out) {
  out = value == "1";
  return out || value == "0";
}

Read welcome(Fields fields) {
  Welcome it;
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "v") return store<std::uint32_t>(value, it.version);
    if (key == "last_id") return store<std::uint64_t>(value, it.last_id);
    if (key == "max_payload") return store<std::uint64_t>(value, it.max_payload);
    if (key == "window") return store<std::uint32_t>(value, it.window);
    if (key == "name") it.name = value;
    if (key == "session") it.session = value;
    if (key == "epoch") it.epoch = value;
    if (key == "pub") it.pub = value;
    if (key == "ingest") it.ingest = value;
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("WELCOME has a value out of range");
}

Read ok(Fields fields) {
  Ok it{.id = fields.number()};
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "sub") return store<std::uint64_t>(value, it.sub);
    if (key == "seq") return store<std::uint64_t>(value, it.seq);
    if (key == "n") return store<std::uint64_t>(value, it.n);
    if (key == "full") return store<std::uint64_t>(value, it.full);
    if (key == "dup") return store_flag(value, it.dup);
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("OK is: id and keys with numbers");
}

Read err(Fields fields) {
  Err it{.id = fields.number()};
  it.status = fields.status();
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "retry") return store<std::uint64_t>(value, it.retry_ms);
    if (key == "sub") return store<std::uint64_t>(value, it.sub);
    if (key == "supported") return store<std::uint32_t>(value, it.supported);
    if (key == "dup") return store_flag(value, it.dup);
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("ERR is: id, number, token, keys");
}

Read rep(Fields fields) {
  Rep it{.id = fields.number()};
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "type") it.type = value;
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("REP is: id, keys");
}

Read val(Fields fields) {
  Val it;
  it.id = fields.number();
  it.address = fields.word();
  it.seq = fields.number();
  it.sender = fields.word();
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "type") it.type = value;
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("VAL is: id, address, seq, sender, keys");
}

Read msg(Fields fields) {
  Msg it;
  it.sub = fields.number();
  it.address = fields.word();
  it.seq = fields.number();
  it.sender = fields.word();
  fields.pairs([&it](std::string_view key, std::string_view value) {
    if (key == "rid") return store<std::uint64_t>(value, it.rid);
    if (key == "snap") return store_flag(value, it.snapshot);
    if (key == "redelivered") return store_flag(value, it.redelivered);
    if (key == "type") it.type = value;
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("MSG is: sub, address, seq, sender, keys");
}

Read gap(Fields fields) {
  Gap it;
  it.sub = fields.number();
  it.address = fields.word();
  it.first = fields.number();
  it.last = fields.number();
  const auto reason = find_gap_reason(fields.word());
  fields.ignore_pairs();
  if (!fields.good() || !reason) {
    return std::unexpected("GAP is: sub, address, first, last, reason");
  }
  it.reason = *reason;
  return it;
}

Read pong(Fields fields) {
  Pong it;
  fields.pairs(&it.token, [&it](std::string_view key, std::string_view value) {
    if (key == "subs") return store<std::uint64_t>(value, it.subs);
    if (key == "epoch") it.epoch = value;
    return true;
  });
  return fields.good() ? Read(it) : std::unexpected("PONG is: epoch=, subs=, token");
}

Read farewell(Fields fields) {
  const Farewell it{fields.status()};
  fields.ignore_pairs();
  return fields.good() ? Read(it) : std::unexpected("BYE is: number, token");
}

Read draining(Fields fields) {
  const Draining it{std::chrono::milliseconds(fields.number(id_max))};
  fields.ignore_pairs();
  return fields.good() ? Read(it) : std::unexpected("DRAINING is: milliseconds");
}

Read down(Fields fields) {
  Down it;
  it.actor = fields.word();
  it.reason = fields.word();
  fields.ignore_pairs();
  return fields.good() ? Read(it) : std::unexpected("DOWN is: actor, reason");
}

Read packed(Fields fields) {
  const auto count = fields.number(batch_entries_max);
  fields.ignore_pairs();
  if (!fields.good() || count == 0) return std::unexpected("BATCH is: a count of 1 to 1024");
  return Packed{static_cast<std::uint32_t>(count)};
}

}  // namespace

bool has_payload(const Answer& answer) noexcept {
  return std::holds_alternative<Rep>(answer) || std::holds_alternative<Val>(answer) ||
         std::holds_alternative<Msg>(answer) || std::holds_alternative<Packed>(answer);
}

std::expected<Answer, std::string_view> read_answer(std::string_view control) {
  if (const auto fault = line_fault(control); !fault.empty()) return std::unexpected(fault);
  Words words(control);
  const auto verb = words.next().text;
  const Fields fields(words);
  if (verb == "WELCOME") return welcome(fields);
  if (verb == "OK") return ok(fields);
  if (verb == "ERR") return err(fields);
  if (verb == "REP") return rep(fields);
  if (verb == "VAL") return val(fields);
  if (verb == "MSG") return msg(fields);
  if (verb == "GAP") return gap(fields);
  if (verb == "PONG") return pong(fields);
  if (verb == "PING") return Heartbeat{};
  if (verb == "BYE") return farewell(fields);
  if (verb == "DRAINING") return draining(fields);
  if (verb == "DOWN") return down(fields);
  if (verb == "BATCH") return packed(fields);
  return std::unexpected("the daemon says nothing that begins with that word in protocol v1");
}

std::expected<PubHeader, std::string_view> read_pub_header(std::string_view frame) {
  PubHeader header;
  const auto cut = [&frame] {
    const auto bar = frame.find('|');
    const auto part = frame.substr(0, bar);
    frame = bar == std::string_view::npos ? std::string_view{} : frame.substr(bar + 1);
    return part;
  };
  header.address = cut();
  const auto seq = parse_number<std::uint64_t>(cut(), 0, number_max);
  header.epoch = cut();
  header.sender = frame;
  const bool is_whole = !header.address.empty() && seq && !header.epoch.empty() &&
                        !header.sender.empty() && !header.sender.contains('|');
  if (!is_whole) return std::unexpected("a pub header is addr|seq|epoch|sender");
  header.seq = *seq;
  return header;
}

}  // namespace backstage::wire
