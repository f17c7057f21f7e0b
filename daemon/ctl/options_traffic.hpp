/// The part of the command line that send, req, pub, sub, watch and bench take.
#pragma once
#include <CLI/App.hpp>
#include <array>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/ctl/options.hpp"

namespace backstage::ctl {

struct TrafficRow {
  const char* name;
  Command command;
};
inline constexpr std::array<TrafficRow, 6> traffic_commands{{{"send", Command::send},
                                                             {"req", Command::req},
                                                             {"pub", Command::pub},
                                                             {"sub", Command::sub},
                                                             {"watch", Command::watch},
                                                             {"bench", Command::bench}}};

/// Options as typed, before their values are checked.
struct TrafficGiven {
  std::string rate{};
  std::string count{};
  std::string duration{};
  std::string window{};
  std::string size{};
  std::string outstanding{};
};

/// Adds the options of one of them. Their values go to `options` and `given`. [main]
void declare_traffic(CLI::App& command, Command which, Options& options, TrafficGiven& given);
/// The words left over: targets and payload. Fault: CTL-101. [any]
[[nodiscard]] Outcome<void> take_traffic(std::vector<std::string> left, Options& options);
/// Faults: CTL-101, with the option and the values it takes. [any]
[[nodiscard]] Outcome<void> check_traffic(const TrafficGiven& given, Options& options);

/// A time such as `250ms`, `5s`, `2m`, or seconds; from 1 ms to a day. [any]
[[nodiscard]] std::optional<std::chrono::milliseconds> to_duration(std::string_view text);

/// Every option they have, for "did you mean".
inline constexpr std::array<std::string_view, 14> traffic_options{
    "--type", "--rate",  "--lines",  "--retain", "--snap", "--over",        "--ack",
    "--name", "--count", "--window", "--for",    "--size", "--outstanding", "--timeout"};

}  // namespace backstage::ctl
