// sub: writes what is published on patterns, and what was lost of it.
#include <fmt/format.h>

#include "daemon/ctl/commands.hpp"
#include "daemon/ctl/traffic.hpp"
#include "daemon/text/escape.hpp"

namespace backstage::ctl {
namespace {

using Clock = std::chrono::steady_clock;
// So often Ctrl-C is looked at that came outside of a wait.
constexpr std::chrono::milliseconds interrupt_look_interval{200};

class Listener {
 public:
  explicit Listener(const Options& options) : options_(options) {}

  void take(const client::message& it) {
    // What waits in the client when the count is full is not ours any more.
    if (is_full()) return;
    ++messages_;
    if (options_.is_json) {
      Json record{
          {"event", "message"}, {"address", it.address}, {"seq", it.seq}, {"sender", it.sender}};
      if (!it.type.empty()) record["type"] = it.type;
      if (it.is_snapshot) record["snapshot"] = true;
      if (it.is_redelivered) record["redelivered"] = true;
      put_payload(record, it.payload);
      return write_record(record);
    }
    fmt::print("{} {} {}  {}\n", it.address, it.seq, it.sender, text::printable(it.payload));
    std::fflush(stdout);
  }
  void take(const client::gap& it) {
    ++gaps_;
    lost_ += it.last - it.first + 1;
    if (options_.is_json) {
      return write_record({{"event", "gap"},
                           {"address", it.address},
                           {"first", it.first},
                           {"last", it.last},
                           {"reason", it.reason}});
    }
    fmt::print(stderr, "GAP {} {} to {} ({})\n", it.address, it.first, it.last, it.reason);
  }
  void take(const std::string& kind, const std::string& reason) {
    is_over_ = kind == "closed";
    if (options_.is_json) {
      return write_record({{"event", "session"}, {"kind", kind}, {"reason", reason}});
    }
    fmt::print(stderr, "session {}{}{}\n", kind, reason.empty() ? "" : ": ",
               text::printable(reason));
  }
  [[nodiscard]] bool is_done() const { return is_over_ || is_full(); }
  void sum_up() const {
    fmt::print(stderr, "{} messages, {} gaps, {} lost\n", messages_, gaps_, lost_);
  }

 private:
  [[nodiscard]] bool is_full() const {
    return options_.traffic.count != 0 && messages_ >= options_.traffic.count;
  }

  const Options& options_;
  std::uint64_t messages_ = 0;
  std::uint64_t gaps_ = 0;
  std::uint64_t lost_ = 0;
  bool is_over_ = false;
};

Outcome<void> subscribe_all(client::connection& session, Listener& listener,
                            const Traffic& traffic) {
  for (const auto& pattern : traffic.targets) {
    const auto got = session.subscribe(
        pattern,
        {.wants_snapshot = traffic.wants_snapshot,
         .over = traffic.over,
         .window = traffic.window,
         .is_acked = traffic.is_acked},
        [&listener](const client::message& it) { listener.take(it); },
        [&listener](const client::gap& it) { listener.take(it); });
    if (!got) return std::unexpected(fault_of_message(got.error(), session.endpoint()));
  }
  return {};
}

}  // namespace

Outcome<int> sub(const Options& options) {
  Listener listener(options);
  const auto opened = open_session(
      options, [&listener](const auto& kind, const auto& reason) { listener.take(kind, reason); });
  if (!opened) return std::unexpected(opened.error());
  auto& session = **opened;
  catch_interrupts();
  if (auto begun = subscribe_all(session, listener, options.traffic); !begun) {
    return std::unexpected(begun.error());
  }
  const auto& traffic = options.traffic;
  const auto end =
      traffic.duration.count() > 0 ? Clock::now() + traffic.duration : Clock::time_point::max();
  while (!listener.is_done() && !was_interrupted() && Clock::now() < end) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    session.poll(std::min(left, interrupt_look_interval));
  }
  listener.sum_up();
  return exit_code::ok;
}

}  // namespace backstage::ctl
