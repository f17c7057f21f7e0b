#include "daemon/ctl/options_traffic.hpp"

#include <fmt/format.h>

#include <charconv>

#include "daemon/text/suggest.hpp"

namespace backstage::ctl {
namespace {

// Reads a whole number into `value`; an option that was not given leaves it alone.
template <class T>
Outcome<void> take_number(const char* option, const std::string& text, T least, T most, T& value) {
  if (text.empty()) return {};
  T read = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, read);
  if (failed == std::errc{} && rest == end && read >= least && read <= most) {
    value = read;
    return {};
  }
  return misuse(fmt::format("{} is a number from {} to {}, not \"{}\"", option, least, most, text));
}

Outcome<void> take_rate(const std::string& text, Traffic& traffic) {
  if (text.empty()) return {};
  constexpr double rate_max = 10'000'000;
  double rate = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, rate);
  if (failed != std::errc{} || rest != end || !(rate >= 0) || rate > rate_max) {
    return misuse(fmt::format("--rate is messages a second, up to 10000000, not \"{}\"", text),
                  "--rate 1000, or --rate 0 for as fast as it goes");
  }
  traffic.rate = rate;
  return {};
}

const char* example_of(Command command) {
  switch (command) {
    case Command::send:
      return "backstagectl send counter 5";
    case Command::req:
      return "backstagectl req counter 5";
    case Command::pub:
      return "backstagectl pub feed/quotes 42";
    case Command::sub:
      return "backstagectl sub 'feed/>'";
    case Command::watch:
      return "backstagectl watch counter";
    default:
      return "backstagectl bench req echo --rate 1000 --for 10s";
  }
}

}  // namespace

void declare_traffic(CLI::App& command, Command which, Options& options, TrafficGiven& given) {
  auto& traffic = options.traffic;
  command.add_option("--name", traffic.name)->take_last();
  if (which == Command::watch) return;
  const bool is_sending = which == Command::send || which == Command::req || which == Command::pub;
  if (is_sending || which == Command::bench) {
    command.add_option("--rate", given.rate)->take_last();
    command.add_option("--type", traffic.type)->take_last();
  }
  if (is_sending) command.add_flag("--lines", traffic.is_lines);
  if (which == Command::pub) command.add_flag("--retain", traffic.is_retained);
  if (which == Command::sub || which == Command::bench) {
    command.add_option("--count", given.count)->take_last();
    command.add_option("--for", given.duration)->take_last();
  }
  if (which == Command::sub) {
    command.add_flag("--snap", traffic.wants_snapshot);
    command.add_flag("--ack", traffic.is_acked);
    command.add_option("--over", traffic.over)->take_last();
    command.add_option("--window", given.window)->take_last();
  }
  if (which == Command::bench) {
    command.require_subcommand(0, 1);
    for (const auto* load : {"send", "req", "pub"}) {
      CLI::App* kind = command.add_subcommand(load);
      kind->set_help_flag();
      kind->allow_extras();
      kind->fallthrough();
      kind->callback([&traffic, load] { traffic.load = load; });
    }
    command.add_option("--size", given.size)->take_last();
    command.add_option("--outstanding", given.outstanding)->take_last();
  }
}

Outcome<void> take_traffic(std::vector<std::string> left, Options& options) {
  auto& traffic = options.traffic;
  const auto* example = example_of(options.command);
  if (options.command == Command::bench && traffic.load.empty()) {
    constexpr std::array<std::string_view, 3> loads{"send", "req", "pub"};
    const auto word = left.empty() ? std::string{} : left.front();
    const auto close = text::nearest(word, loads);
    return misuse(word.empty() ? std::string{"bench needs a load: send, req or pub"}
                               : fmt::format("bench has no load \"{}\"; send, req or pub", word),
                  close.empty() ? example : fmt::format("did you mean {}?", close));
  }
  if (left.empty()) {
    const bool is_address = options.command == Command::pub || options.command == Command::sub;
    return misuse(is_address ? "an address is missing" : "the name of an actor is missing",
                  example);
  }
  const bool takes_payload = options.command == Command::send || options.command == Command::req ||
                             options.command == Command::pub;
  const bool takes_many = options.command == Command::sub || options.command == Command::watch;
  if (takes_payload && left.size() == 2) {
    if (left.back() != "-") traffic.payload = left.back();
    left.pop_back();
  }
  if (left.size() > 1 && !takes_many) {
    return misuse(fmt::format("\"{}\" is one argument too many", left.back()),
                  takes_payload ? std::string{"quote a payload that has blanks"}
                                : std::string{"see backstagectl --help"});
  }
  traffic.targets = std::move(left);
  if (traffic.is_lines && traffic.payload) {
    return misuse("--lines reads messages from standard input; there is a payload already",
                  "leave out the payload, or --lines");
  }
  return {};
}

Outcome<void> check_traffic(const TrafficGiven& given, Options& options) {
  auto& traffic = options.traffic;
  constexpr std::uint64_t count_max = 1'000'000'000'000;
  constexpr std::uint32_t window_max = 1'000'000, size_max = 64U << 20U, outstanding_max = 100'000;
  constexpr std::array<std::string_view, 4> overs{"oldest", "newest", "conflate", "kick"};
  if (!traffic.over.empty() && std::ranges::find(overs, traffic.over) == overs.end()) {
    const auto close = text::nearest(traffic.over, overs);
    return misuse(
        fmt::format("--over is oldest, newest, conflate or kick, not \"{}\"", traffic.over),
        close.empty() ? std::string{"see backstagectl --help"}
                      : fmt::format("did you mean {}?", close));
  }
  if (!given.duration.empty()) {
    const auto duration = to_duration(given.duration);
    if (!duration) {
      return misuse(fmt::format("--for is a time from 1ms to a day, not \"{}\"", given.duration),
                    "--for 250ms, --for 5s or --for 2m");
    }
    traffic.duration = *duration;
  }
  auto taken = take_rate(given.rate, traffic);
  const auto take = [&taken]<class T>(const char* option, const std::string& text, T most,
                                      T& value) {
    if (taken) taken = take_number<T>(option, text, 1, most, value);
  };
  take("--count", given.count, count_max, traffic.count);
  take("--window", given.window, window_max, traffic.window);
  take("--size", given.size, size_max, traffic.size);
  take("--outstanding", given.outstanding, outstanding_max, traffic.outstanding);
  return taken;
}

std::optional<std::chrono::milliseconds> to_duration(std::string_view text) {
  constexpr std::int64_t day_ms = 86'400'000;
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, failed] = std::from_chars(text.data(), end, value);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const std::int64_t factor = unit == "ms"                  ? 1
                              : unit == "s" || unit.empty() ? 1'000
                              : unit == "m"                 ? 60'000
                              : unit == "h"                 ? 3'600'000
                                                            : 0;
  if (failed != std::errc{} || factor == 0 || value < 1 || value > day_ms / factor) {
    return std::nullopt;
  }
  return std::chrono::milliseconds{value * factor};
}

}  // namespace backstage::ctl
